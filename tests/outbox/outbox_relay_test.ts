import assert from "node:assert/strict";
import { sharedPostgres } from "../support/shared_servers.ts";
import { OutboxFixture } from "./outbox_fixture.ts";
import { RecordingBus } from "./recording_bus.ts";

const { url } = await sharedPostgres();

/** Longer than any test: what comes in spite of it came by a wake-up. */
const NEVER_MS = 600_000;

Deno.test("OutboxRelay: publishes committed rows in order with their own identities, deletes them, and never those of a rollback", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.insert([1, 2]);
  await outbox.query("BEGIN");
  await outbox.insert(["rolled back"]);
  await outbox.query("ROLLBACK");
  await outbox.insert([{ exact: 3 }]);
  const identities = await outbox.query(`SELECT record_id::text AS identity FROM ${outbox.table} ORDER BY id`);
  const bus = new RecordingBus();
  {
    await using _relay = outbox.relay(bus);
    await bus.until(3);
  }
  assert.deepEqual(bus.data, [1, 2, { exact: 3 }]);
  assert.deepEqual(bus.records.map(({ recordID }) => recordID), identities.map(({ identity }) => identity));
  assert.deepEqual(bus.records.map(({ key }) => key), ["user:1", "user:1", "user:1"]);
  assert.equal(await outbox.waiting(), 0);
});

Deno.test("OutboxRelay: a transaction with a lower id that commits late is published when it commits", async () => {
  await using outbox = await OutboxFixture.open(url);
  await using slow = await outbox.session();
  const bus = new RecordingBus();
  await using _relay = outbox.relay(bus, { pollIntervalMs: NEVER_MS });
  await slow.query("BEGIN");
  await outbox.insert(["late, with the lower id"], "user:1", slow);
  await outbox.insert(["first to commit"]);
  await bus.until(1);
  assert.deepEqual(bus.data, ["first to commit"]);
  await slow.query("COMMIT");
  await bus.until(2);
  assert.deepEqual(bus.data, ["first to commit", "late, with the lower id"]);
});

Deno.test("OutboxRelay: NOTIFY wakes it, and without LISTEN the poll finds what was inserted", async () => {
  await using outbox = await OutboxFixture.open(url);
  const bus = new RecordingBus();
  {
    await using _relay = outbox.relay(bus, { pollIntervalMs: NEVER_MS });
    await outbox.insert(["before it listens, or after"]);
    await bus.until(1);
    await outbox.insert(["woken"]);
    await bus.until(2);
  }
  await using _relay = outbox.relay(bus, { listen: false, pollIntervalMs: 20 });
  await outbox.insert(["polled"]);
  await bus.until(3);
  assert.equal(bus.data.at(-1), "polled");
});

Deno.test("OutboxRelay: rows that are no events are set aside with their reasons and hold up nobody, a whole batch of them too", async () => {
  await using outbox = await OutboxFixture.open(url);
  const bad = [
    [`'no name', ARRAY['user:1'], '1'`, "the row has no valid event"],
    [`'stream.closing', ARRAY['user:1'], '1'`, "the row has no valid event"],
    [`'test.row-inserted', ARRAY[]::text[], '1'`, "the row has no valid scopes"],
    [`'test.row-inserted', ARRAY[NULL, 'user:1'], '1'`, "the row has no valid scopes"],
    [`'test.row-inserted', ARRAY['user:1'], to_jsonb(repeat('x', 200000))`, "the row is too large: 200002 bytes"],
  ];
  for (const [values] of bad) {
    await outbox.query(`INSERT INTO ${outbox.table} (event, scopes, data) VALUES (${values})`);
  }
  await outbox.query(
    `INSERT INTO ${outbox.table} (event, scopes, priority) VALUES ('test.row-inserted', '{user:1}', 'urgent')`,
  );
  await outbox.query(
    `INSERT INTO ${outbox.table} (event, scopes, created_at) VALUES ('test.row-inserted', '{user:1}', 'infinity')`,
  );
  await outbox.insert(["good"]);
  const bus = new RecordingBus();
  let failed = 0;
  {
    await using _relay = outbox.relay(bus, { batchSize: 3 }, { failed: (rows) => failed += rows });
    await bus.until(1);
  }
  assert.deepEqual(bus.data, ["good"]);
  assert.equal(await outbox.waiting(), 0);
  const failures = await outbox.failures();
  const reasons = [...bad.map(([, reason]) => reason), "the row has no valid priority", "the row has no valid time"];
  assert.deepEqual(failures.map((failure, index) => String(failure).startsWith(reasons[index] ?? "?")), [
    ...reasons.map(() => true),
  ], failures.join("\n"));
  assert.equal(failed, reasons.length);
});

Deno.test("OutboxRelay: a row that the bus refuses is set aside, and its neighbours of the same scope keep their order", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.insert([1, "poison", 2]);
  await outbox.insert(["a", "b"], "user:2");
  const bus = new RecordingBus();
  bus.before = (batch) => {
    if (batch.some(({ data }) => data === "poison")) throw new Error("Cannot publish: the record is refused");
  };
  {
    await using _relay = outbox.relay(bus);
    await bus.until(4);
    // Its scope's next event went only while nothing else was left to go; now the bus is seen to take others.
    await outbox.insert(["c"], "user:2");
    await bus.until(5);
  }
  const ofScope = (key: string) => bus.records.filter((record) => record.key === key).map(({ data }) => data);
  assert.deepEqual([ofScope("user:1"), ofScope("user:2")], [[1, 2], ["a", "b", "c"]]);
  assert.deepEqual(await outbox.failures(), ["Cannot publish: the record is refused"]);
});

Deno.test("OutboxRelay: 20,000 rows go in bounded batches, in order, once each, whatever two relays do beside each other", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.query(
    `INSERT INTO ${outbox.table} (event, scopes, data)
     SELECT 'test.row-inserted', ARRAY['user:' || i % 7], to_jsonb(i) FROM generate_series(1, 20000) AS i`,
  );
  const bus = new RecordingBus();
  {
    await using _one = outbox.relay(bus);
    await using _other = outbox.relay(bus);
    await bus.until(20_000, 60_000);
  }
  assert.deepEqual(bus.data, Array.from({ length: 20_000 }, (_, index) => index + 1));
  assert.ok(bus.batches.every((batch) => batch.length <= 500));
  assert.equal(await outbox.waiting(), 0);
});

Deno.test("OutboxRelay: a batch has at most maxBatchBytes of data, and at least one row", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.insert(["a".repeat(40_000), "b".repeat(40_000), "c".repeat(90_000), "d"]);
  const bus = new RecordingBus();
  {
    await using _relay = outbox.relay(bus, { maxBatchBytes: 64_000 });
    await bus.until(4);
  }
  assert.deepEqual(bus.batches.map((batch) => batch.length), [2, 1, 1]);
});

Deno.test("OutboxRelay: tells how many rows wait and how old the oldest is, and deletes failed rows after their retention", async () => {
  await using outbox = await OutboxFixture.open(url);
  await outbox.query(
    `INSERT INTO ${outbox.table} (event, scopes, failed_at) VALUES ('bad', '{}', now() - interval '2 minutes')`,
  );
  await outbox.query(`INSERT INTO ${outbox.table} (event, scopes, failed_at) VALUES ('bad', '{}', now())`);
  await outbox.query(
    `INSERT INTO ${outbox.table} (event, scopes, created_at)
     SELECT 'test.row-inserted', '{user:1}', now() - interval '90 seconds' FROM generate_series(1, 3)`,
  );
  const bus = new RecordingBus();
  bus.before = () => Promise.reject(new Error("the bus is away"));
  const lag = Promise.withResolvers<{ waiting: number; oldestAgeMs: number }>();
  {
    await using _relay = outbox.relay(bus, {}, { lag: lag.resolve });
    const { waiting, oldestAgeMs } = await lag.promise;
    assert.equal(waiting, 3);
    assert.ok(oldestAgeMs >= 90_000 && oldestAgeMs < 150_000, String(oldestAgeMs));
  }
  assert.equal((await outbox.failures()).length, 1);
  assert.equal(await outbox.waiting(), 3);
});
