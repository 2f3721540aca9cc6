import assert from "node:assert/strict";
import { type FetchPosition, NO_LEADER_EPOCH } from "../../../src/bus/kafka/fetch_request.ts";
import { KafkaCluster } from "../../../src/bus/kafka/kafka_cluster.ts";
import { KAFKA_LIMITS } from "../../../src/bus/kafka/kafka_options.ts";
import { NodeReader, type ReadEvent } from "../../../src/bus/kafka/node_reader.ts";
import { startKafka } from "../../support/kafka_server.ts";
import { TestTopic } from "./test_topic.ts";

/** Reads one partition until it has come to `end`. */
async function readFrom(topic: TestTopic, from: FetchPosition, end: bigint): Promise<readonly ReadEvent[]> {
  const settings = { clientId: "test", ssl: null, sasl: null, compression: "none", limits: KAFKA_LIMITS } as const;
  using cluster = new KafkaCluster(topic.name, topic.brokers, settings);
  const { topicId, partitions } = await cluster.topicMetadata(0);
  const reads: ReadEvent[] = [];
  let position = from;
  const reader = new NodeReader(cluster, {
    nodeId: partitions.get(0)?.leader ?? -1,
    topicId,
    positions: () => new Map([[0, position]]),
    deliver: async (read) => {
      reads.push(read);
      position = { offset: read.event.next, leaderEpoch: read.leaderEpoch };
      if (read.event.kind === "records" && read.event.next >= end) reader.stop();
    },
  });
  reader.release();
  assert.equal(await reader.ended, null);
  return reads;
}

function summary({ event, leaderEpoch }: ReadEvent) {
  return event.kind === "gap"
    ? [event.from, event.next, event.reason, leaderEpoch]
    : [event.records[0]?.offset, event.next, event.records.length, leaderEpoch];
}

Deno.test("NodeReader: what the leader's log does not hold as it was read is a gap ahead, and is read anew", async (t) => {
  await using server = await startKafka();
  await using topic = await TestTopic.create(server.brokers, 1);
  const messages = Array.from({ length: 10 }, (_, index) => ({ value: String(index) }));
  await topic.produce(0, messages);
  const [{ leaderEpoch: before = -1 } = {}] = await readFrom(topic, { offset: 0n, leaderEpoch: NO_LEADER_EPOCH }, 10n);
  // Whoever leads again does so in a new epoch: it begins at offset 10.
  await server.restart();
  await topic.produce(0, messages);

  await t.step("a position where the epoch that was read ended", async () => {
    const reads = await readFrom(topic, { offset: 10n, leaderEpoch: before }, 20n);
    const [{ leaderEpoch: after = -1 } = {}] = reads;
    assert.ok(after > before, `${after} is of the election after ${before}`);
    assert.deepEqual(reads.map(summary), [[10n, 20n, 10, after]]);
  });
  await t.step("a position beyond the end of its epoch, though the log is longer", async () => {
    const reads = await readFrom(topic, { offset: 15n, leaderEpoch: before }, 20n);
    assert.deepEqual(reads.map(summary).slice(0, 1), [[15n, 10n, "ahead", before]]);
    assert.deepEqual(reads.map(summary).slice(1).map((read) => read.slice(0, 3)), [[10n, 20n, 10]]);
  });
  await t.step("a position of an epoch that the leader has never had", async () => {
    const reads = await readFrom(topic, { offset: 15n, leaderEpoch: before + 100 }, 20n);
    assert.deepEqual(reads.map(summary).slice(0, 1), [[15n, 15n, "ahead", NO_LEADER_EPOCH]]);
    assert.deepEqual(reads.map(summary).slice(1).map((read) => read.slice(0, 3)), [[15n, 20n, 5]]);
  });
});
