import assert from "node:assert/strict";
import { BusError } from "../../../src/bus/event_bus.ts";
import { KafkaBus } from "../../../src/bus/kafka/kafka_bus.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "../../contract/recorded_follow.ts";
import { startKafka } from "../../support/kafka_server.ts";
import { sharedKafka } from "../../support/shared_servers.ts";
import { TestTopic } from "./test_topic.ts";

const { brokers } = await sharedKafka();
/** Quick to notice, so that the tests need not wait. */
const limits = { metadataIntervalMs: 200, retryMaxMs: 300, requestTimeoutMs: 1_500, connectTimeoutMs: 1_500 };

function busOf(topic: TestTopic): KafkaBus {
  return new KafkaBus({ source: "kafka", brokers: topic.brokers, topic: topic.name, limits });
}

function messages(...texts: string[]) {
  return texts.map((value) => ({ key: value.slice(0, 1), value }));
}

Deno.test("KafkaBus.follow: an open transaction holds back what follows it, until its producer's death aborts it", async () => {
  await using topic = await TestTopic.create(brokers, 1);
  await topic.produce(0, messages("a"));
  await topic.leaveTransactionOpen(0, messages("never"), 1_000);
  await topic.produce(0, messages("b"));
  await using bus = busOf(topic);
  const { next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
  assert.equal(next, 1n, "a reader of committed records stands before the open transaction");
  await using follow = await RecordedFollow.start(bus);
  await follow.untilRecords(2);
  assert.deepEqual(follow.texts(), ["a", "b"]);
  assert.deepEqual(follow.gaps(), []);
  await follow.close();
});

Deno.test("KafkaBus: what compaction leaves out is no gap, and a range ends in the hole", async () => {
  const config = {
    "cleanup.policy": "compact",
    "segment.bytes": "1048576",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "0",
  };
  await using topic = await TestTopic.create(brokers, 1, config);
  await using bus = busOf(topic);
  for (let round = 0; round < 20; round++) await topic.produce(0, messages(`a${round}`, `b${round}`));
  const total = 40n;
  const isCompacted = async () => recordsOf(await readAll(bus, 0, 0n, total)).length < Number(total);
  // A segment is compacted only when a newer one is active, which only a later record begins.
  let sent = 0;
  while (!await isCompacted() && sent < 200) {
    await topic.produce(0, messages(`c${sent++}`));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // The cleaner may go on meanwhile: what it never takes is the newest record of each key.
  const newest = [`a19`, `b19`];
  for (let begin = 0n; begin < total; begin += 3n) {
    const events = await readAll(bus, 0, begin, total);
    assert.ok(events.every((event) => event.kind === "records"));
    assert.deepEqual(textsOf(recordsOf(events)).slice(-2), newest.slice(begin === total - 1n ? 1 : 0));
  }
  assert.ok(recordsOf(await readAll(bus, 0, 0n, total)).length < Number(total), "the log was compacted");
  const { next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
  await using follow = await RecordedFollow.start(bus);
  await follow.until("the end", () => follow.events.some((event) => event.kind === "records" && event.next === next));
  assert.deepEqual(follow.texts().filter((text) => newest.includes(text)), newest);
  assert.deepEqual(follow.gaps(), []);
  await follow.close();
});

Deno.test("KafkaBus.readRange: records deleted in the middle of a range are announced, and the range still ends", async () => {
  await using topic = await TestTopic.create(brokers, 1);
  await using bus = busOf(topic);
  for (let batch = 0; batch < 10; batch++) await bus.publish(numbered(`${batch}.`, 10));
  await topic.deleteRecordsBefore(0, 95n);
  const events = await readAll(bus, 0, 20n, 100n);
  assert.deepEqual(events[0], { kind: "gap", partition: 0, from: 20n, next: 95n, reason: "retention", lost: null });
  assert.deepEqual(textsOf(recordsOf(events)), ["9.5", "9.6", "9.7", "9.8", "9.9"]);
  const before = await readAll(bus, 0, 20n, 30n);
  assert.deepEqual(before, [{ kind: "gap", partition: 0, from: 20n, next: 30n, reason: "retention", lost: null }]);
});

Deno.test("KafkaBus.publish: records of several partitions are all there, or none, in the order given", async () => {
  await using topic = await TestTopic.create(brokers, 4);
  await using bus = busOf(topic);
  const records = Array.from({ length: 50 }, (_, index) => numbered(`${index}.`, 1, `key ${index}`)).flat();
  const positions = await bus.publish(records);
  assert.equal(new Set(positions.map(({ partition }) => partition)).size, 4);
  for (const [index, { partition, offset }] of positions.entries()) {
    const [record] = recordsOf(await readAll(bus, partition, offset, offset + 1n));
    assert.deepEqual(record?.value, records[index]?.value);
  }
  const tooLarge = { key: new TextEncoder().encode("key 1"), value: new Uint8Array(3 * 1024 * 1024) };
  const { partitions: before } = await bus.bounds();
  await assert.rejects(bus.publish([...records, tooLarge]), (error) => {
    return error instanceof BusError && !error.mayHaveBeenWritten;
  });
  const { partitions: after } = await bus.bounds();
  for (const [partition, { next }] of before) {
    const end = after.get(partition)?.next ?? -1n;
    assert.deepEqual(recordsOf(await readAll(bus, partition, next, end)), [], "an aborted transaction shows nothing");
  }
  await bus.publish(records);
});

Deno.test("KafkaBus.publish: one record that is too large does not take those beside it along", async () => {
  await using topic = await TestTopic.create(brokers, 1);
  await using bus = busOf(topic);
  const tooLarge = bus.publish([{ key: null, value: new Uint8Array(3 * 1024 * 1024) }]);
  const beside = bus.publish(numbered("a", 3));
  await assert.rejects(tooLarge, (error) => error instanceof BusError && !error.mayHaveBeenWritten);
  assert.equal((await beside).length, 3);
});

Deno.test("KafkaBus: a topic that does not exist rejects follow, bounds and publish, and tells why", async () => {
  const limits = { retryMinMs: 10, retryMaxMs: 50 };
  await using bus = new KafkaBus({ source: "kafka", brokers, topic: `none-${crypto.randomUUID()}`, limits });
  const isTold = (error: unknown) => error instanceof BusError && /does not exist/.test(error.message);
  await assert.rejects(bus.bounds(), isTold);
  await assert.rejects(bus.publish(numbered("a", 1)), isTold);
  await assert.rejects(bus.follow(new Map(), () => {}, new AbortController().signal), isTold);
});

Deno.test("KafkaBus.follow: a topic deleted while followed is down, and up again in a new epoch when it is created anew", async () => {
  await using topic = await TestTopic.create(brokers, 2);
  await using bus = busOf(topic);
  await bus.publish(numbered("old", 5));
  await using follow = await RecordedFollow.start(bus);
  await follow.untilRecords(5);
  await topic.delete();
  await follow.until("down", () => follow.states().at(-1) === "down");
  await topic.createAnew(1);
  await topic.produce(0, messages(...Array.from({ length: 50 }, (_, index) => `new${index}`)));
  await follow.untilRecords(55);
  const epoch = follow.events.findIndex((event) => event.kind === "epoch-changed");
  const isNew = (text: string) => text.startsWith("new");
  assert.ok(textsOf(recordsOf(follow.events.slice(0, epoch))).every((text) => !isNew(text)));
  assert.ok(textsOf(recordsOf(follow.events.slice(epoch))).every(isNew));
  await follow.until("up", () => follow.states().at(-1) === "up");
  await follow.close();
});

Deno.test("KafkaBus.follow: a frozen broker is an outage within the timeout, and nothing is lost when it goes on", async () => {
  await using server = await startKafka();
  await using topic = await TestTopic.create(server.brokers, 1);
  await using bus = busOf(topic);
  await using follow = await RecordedFollow.start(bus);
  await bus.publish(numbered("before", 3));
  await follow.untilRecords(3);
  server.pause();
  await follow.until("down", () => follow.states().at(-1) === "down");
  server.resume();
  await follow.until("up", () => follow.states().at(-1) === "up");
  await bus.publish(numbered("after", 3));
  await follow.untilRecords(6);
  assert.deepEqual(follow.texts(), ["before0", "before1", "before2", "after0", "after1", "after2"]);
  assert.deepEqual(follow.states(), ["up", "down", "up"]);
  assert.deepEqual(follow.gaps(), []);
  await follow.close();
});

Deno.test("KafkaBus.readRange: more ranges than readers wait in line; beyond the limit, or aborted, they are refused", async () => {
  await using topic = await TestTopic.create(brokers, 1);
  const few = { ...limits, replayReaders: 1, maxWaitingRanges: 2 };
  await using bus = new KafkaBus({ source: "kafka", brokers, topic: topic.name, limits: few });
  await bus.publish(numbered("a", 10));
  const holder = bus.readRange(0, 0n, 10n, new AbortController().signal)[Symbol.asyncIterator]();
  await holder.next();
  const abort = new AbortController();
  const aborted = Array.fromAsync(bus.readRange(0, 0n, 10n, abort.signal));
  const patient = readAll(bus, 0, 0n, 10n);
  await assert.rejects(readAll(bus, 0, 0n, 10n), /2 ranges are waiting/);
  abort.abort();
  await assert.rejects(aborted, BusError);
  await holder.return?.();
  assert.equal(recordsOf(await patient).length, 10);
});

Deno.test("KafkaBus.readRange: a broker that is gone rejects with a BusError after a bounded time", async () => {
  await using server = await startKafka();
  await using topic = await TestTopic.create(server.brokers, 1);
  const short = { ...limits, rangeWaitTimeoutMs: 500 };
  await using bus = new KafkaBus({ source: "kafka", brokers: server.brokers, topic: topic.name, limits: short });
  await bus.publish(numbered("a", 10));
  assert.equal(recordsOf(await readAll(bus, 0, 0n, 10n)).length, 10);
  await server.kill();
  await assert.rejects(readAll(bus, 0, 0n, 10n), BusError);
});
