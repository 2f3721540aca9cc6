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

Deno.test("OutboxRelay: goes on after PostgreSQL was killed and started again; a frozen one counts as down", async () => {
  await using server = await startPostgres();
  await using outbox = await OutboxFixture.open(server.url);
  const bus = new RecordingBus();
  const states: string[] = [];
  let changed = Promise.withResolvers<void>();
  const stateChanged = (state: string) => {
    states.push(state);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const until = async (count: number) => {
    while (states.length < count) await changed.promise;
  };
  await using _relay = outbox.relay(bus, { queryTimeoutMs: 1_000 }, { stateChanged });
  await outbox.insert([1]);
  await bus.until(1);
  await until(1);
  await server.kill();
  await until(2);
  await server.restart();
  await outbox.reconnect();
  await outbox.insert([2]);
  await bus.until(2);
  await until(3);
  server.pause();
  await until(4);
  server.resume();
  await outbox.insert([3]);
  await bus.until(3);
  await until(5);
  assert.deepEqual(states, ["up", "down", "up", "down", "up"]);
  assert.deepEqual(bus.data, [1, 2, 3]);
});

Deno.test("OutboxRelay: a bus that is away for long costs no row and no order", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.insert([1, 2, 3]);
  await outbox.insert(["a"], "user:2");
  const bus = new RecordingBus();
  let refusals = 0;
  const enough = Promise.withResolvers<void>();
  bus.before = () => {
    if (++refusals === 40) enough.resolve();
    if (refusals <= 40) throw new Error("the bus is away");
  };
  {
    await using _relay = outbox.relay(bus);
    await enough.promise;
    await bus.until(4);
  }
  assert.deepEqual(bus.records.filter(({ key }) => key === "user:1").map(({ data }) => data), [1, 2, 3]);
  assert.deepEqual(await outbox.failures(), []);
});
