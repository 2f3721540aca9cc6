import assert from "node:assert/strict";
import { startPostgres } from "../support/postgres_server.ts";
import { sharedPostgres } from "../support/shared_servers.ts";
import { OutboxFixture } from "./outbox_fixture.ts";
import { startPostgresProxy } from "./postgres_proxy.ts";
import { RecordingBus } from "./recording_bus.ts";

const { url } = await sharedPostgres();

/** Ends the connection of the relay that has a batch of this outbox in hand. */
async function killActiveRelay(outbox: OutboxFixture): Promise<void> {
  const killed = await outbox.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND objid = hashtext($1::regclass::oid::text)::bigint & 4294967295`,
    [outbox.table],
  );
  assert.equal(killed.length, 1, "one relay is active");
}

Deno.test("OutboxRelay: a crash between publish and delete repeats that batch alone, with the same identities", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.insert([1, 2, 3, 4, 5]);
  const bus = new RecordingBus();
  bus.after = async () => {
    bus.after = () => {};
    await killActiveRelay(outbox);
  };
  {
    await using _relay = outbox.relay(bus, { batchSize: 2 });
    await bus.until(7);
  }
  assert.deepEqual(bus.data, [1, 2, 1, 2, 3, 4, 5]);
  const [crashed, repeated] = bus.batches;
  assert.deepEqual(crashed, repeated);
  assert.equal(new Set(bus.records.map(({ recordID }) => recordID)).size, 5);
  assert.equal(await outbox.waiting(), 0);
});

Deno.test("OutboxRelay: while one has a batch in hand no other publishes; when it dies another goes on within seconds", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.insert([1, 2, 3]);
  const dying = new RecordingBus();
  const inHand = Promise.withResolvers<void>();
  const death = Promise.withResolvers<void>();
  dying.before = async () => {
    inHand.resolve();
    await death.promise;
    throw new Error("the process is gone");
  };
  const bus = new RecordingBus();
  let startedMs = 0;
  {
    await using _active = outbox.relay(dying, { listen: false });
    await inHand.promise;
    await using _standby = outbox.relay(bus);
    await outbox.insert([4]);
    await using watcher = await outbox.session();
    for (let looks = 0; looks < 20; looks++) await watcher.query("SELECT pg_sleep(0.05)");
    assert.deepEqual(bus.data, []);
    startedMs = performance.now();
    await killActiveRelay(outbox);
    await bus.until(4);
    assert.ok(performance.now() - startedMs < 3_000);
    death.resolve();
  }
  assert.deepEqual(bus.data, [1, 2, 3, 4]);
  assert.deepEqual(dying.data, []);
});

Deno.test("OutboxRelay: one that is frozen loses the outbox within seconds", async () => {
  await using outbox = await OutboxFixture.open(url);
  await using proxy = await startPostgresProxy(url);
  await outbox.insert([1, 2]);
  const frozen = new RecordingBus();
  const inHand = Promise.withResolvers<void>();
  const thaw = Promise.withResolvers<void>();
  frozen.before = async () => {
    inHand.resolve();
    await thaw.promise;
  };
  const bus = new RecordingBus();
  {
    await using _frozen = outbox.relay(frozen, { url: proxy.url, listen: false });
    await inHand.promise;
    // Its connection stays open and silent, as that of a stopped process does.
    proxy.freeze();
    await using _standby = outbox.relay(bus);
    await bus.until(2, 15_000);
    proxy.cut();
    thaw.resolve();
  }
  assert.deepEqual(bus.data, [1, 2]);
  assert.deepEqual(await outbox.waiting(), 0);
});

Deno.test("OutboxRelay: behind a pooler that passes no notifications on, it polls", async () => {
  await using outbox = await OutboxFixture.open(url);
  await using proxy = await startPostgresProxy(url, { withoutNotifications: true });
  const bus = new RecordingBus();
  await using _relay = outbox.relay(bus, { url: proxy.url, pollIntervalMs: 50 });
  for (let count = 1; count <= 5; count++) {
    await outbox.insert([count]);
    await bus.until(count);
  }
  assert.deepEqual(bus.data, [1, 2, 3, 4, 5]);
});

Deno.test("OutboxRelay: goes on after PostgreSQL was killed and started again", async () => {
  await using server = await startPostgres();
  await using outbox = await OutboxFixture.open(server.url);
  const bus = new RecordingBus();
  const states = new StateLog();
  await using _relay = outbox.relay(bus, {}, { stateChanged: states.add });
  await outbox.insert([1]);
  await bus.until(1);
  await states.until(1);
  await server.kill();
  await states.until(2);
  await server.restart();
  await outbox.reconnect();
  await outbox.insert([2]);
  await bus.until(2);
  await states.until(3);
  assert.deepEqual(states.seen, ["up", "down", "up"]);
  // The kill may have come between publish and delete.
  assert.deepEqual([...new Set(bus.data)], [1, 2]);
});

Deno.test("OutboxRelay: a server that no longer answers counts as down, and is left and found again", async () => {
  await using outbox = await OutboxFixture.open(url);
  await using proxy = await startPostgresProxy(url);
  const bus = new RecordingBus();
  const states = new StateLog();
  await using _relay = outbox.relay(bus, { url: proxy.url, queryTimeoutMs: 500 }, { stateChanged: states.add });
  await states.until(1);
  proxy.freeze();
  await states.until(2);
  await outbox.insert([1]);
  proxy.cut();
  await bus.until(1);
  await states.until(3);
  assert.deepEqual(states.seen, ["up", "down", "up"]);
});

/** The states that a relay has told, in their order. */
class StateLog {
  readonly seen: string[] = [];
  #changed = Promise.withResolvers<void>();

  readonly add = (state: string): void => {
    this.seen.push(state);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  };

  async until(count: number): Promise<void> {
    while (this.seen.length < count) await this.#changed.promise;
  }
}
