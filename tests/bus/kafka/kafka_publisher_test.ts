/** Publishes that are larger than what a topic takes in one batch. */
import assert from "node:assert/strict";
import { BusError, type PublishRecord } from "../../../src/bus/event_bus.ts";
import { KafkaBus } from "../../../src/bus/kafka/kafka_bus.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf } from "../../contract/recorded_follow.ts";
import { sharedKafka } from "../../support/shared_servers.ts";
import { TestTopic } from "./test_topic.ts";

const { brokers } = await sharedKafka();

/** Kafka's own default; the tests' broker takes more. */
const AS_BY_DEFAULT = { "max.message.bytes": "1048588" };
const RECORD_BYTES = 4_000;
/** A transaction of a gateway that died holds up its readers for 15 s. */
const LESS_THAN_A_TIMEOUT_MS = 7_000;

function busOf(topic: TestTopic): KafkaBus {
  return new KafkaBus({ source: "kafka", brokers: topic.brokers, topic: topic.name });
}

/** Each with its number in front. */
function large(count: number, keys: number): PublishRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const value = new Uint8Array(RECORD_BYTES);
    new DataView(value.buffer).setUint32(0, index);
    return { key: new TextEncoder().encode(`key ${index % keys}`), value };
  });
}

function numberOf(value: Uint8Array | null | undefined): number {
  return value ? new DataView(value.buffer, value.byteOffset).getUint32(0) : -1;
}

/** Offsets that the partitions have used, aborted records and the marks of transactions included. */
async function usedOffsets(topic: TestTopic, partitions: number): Promise<number> {
  let used = 0;
  for (let partition = 0; partition < partitions; partition++) used += Number((await topic.offsets(partition)).high);
  return used;
}

for (const partitions of [1, 3]) {
  Deno.test(`KafkaBus.publish: records of 8 MB for ${partitions} partitions go at the first attempt, in their order, where a batch may have 1 MiB`, async () => {
    await using topic = await TestTopic.create(brokers, partitions, AS_BY_DEFAULT);
    await using bus = busOf(topic);
    await using follow = await RecordedFollow.start(bus);
    const records = large(2_000, 50);
    // Another producer's records lie between the requests.
    const others = Array.from({ length: 20 }, () => topic.produce(0, [{ value: "x" }]));
    const positions = await bus.publish(records);
    await Promise.all(others);
    assert.equal(new Set(positions.map(({ partition }) => partition)).size, partitions);
    await follow.untilRecords(records.length + others.length);
    await follow.close();
    assert.equal(await usedOffsets(topic, partitions), records.length + others.length + partitions);
    for (let partition = 0; partition < partitions; partition++) {
      const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(partition) ?? {};
      const read = recordsOf(await readAll(bus, partition, first, next)).filter(({ value }) => value?.length !== 1);
      const expected = positions.flatMap((position, number) => (
        position.partition === partition ? [{ number, offset: position.offset }] : []
      ));
      assert.deepEqual(read.map(({ value, offset }) => ({ number: numberOf(value), offset })), expected);
    }
  });
}

Deno.test("KafkaBus.publish: a topic that takes less tells it by refusing, once; then all goes at the first attempt", async () => {
  await using topic = await TestTopic.create(brokers, 1, { "max.message.bytes": "100000" });
  await using bus = busOf(topic);
  await using follow = await RecordedFollow.start(bus);
  await bus.publish(large(200, 1));
  await follow.untilRecords(200);
  const before = await usedOffsets(topic, 1);
  await bus.publish(large(200, 1));
  await follow.untilRecords(400);
  assert.deepEqual(await usedOffsets(topic, 1), before + 201, "the records and one mark");
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  assert.deepEqual(follow.records().map(({ value }) => numberOf(value)), [...numbers, ...numbers]);
  await follow.close();
});

Deno.test("KafkaBus.publish: a record that is too large among many rejects them all, is told, and holds up no reader", async () => {
  await using topic = await TestTopic.create(brokers, 1, AS_BY_DEFAULT);
  await using bus = busOf(topic);
  await using follow = await RecordedFollow.start(bus);
  const records = [...large(500, 1), { key: null, value: new Uint8Array(1_500_000) }];
  await assert.rejects(bus.publish(records), (error) => {
    return error instanceof BusError && error.isTooLarge && !error.mayHaveBeenWritten;
  });
  await assert.rejects(
    bus.publish(records.slice(-1)),
    (error) => error instanceof BusError && error.isTooLarge && !error.mayHaveBeenWritten,
  );
  const beganMs = performance.now();
  await bus.publish(numbered("a", 1));
  await follow.untilRecords(1);
  assert.ok(performance.now() - beganMs < LESS_THAN_A_TIMEOUT_MS);
  assert.deepEqual(follow.texts(), ["a0"]);
  await follow.close();
});
