import assert from "node:assert/strict";
import { KafkaBus } from "../../src/bus/kafka/kafka_bus.ts";
import type { OutboxBus } from "../../src/outbox/outbox_row.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { RecordedFollow } from "../contract/recorded_follow.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { OutboxFixture } from "./outbox_fixture.ts";

const { url } = await sharedPostgres();
const { brokers } = await sharedKafka();

const ROWS = 2_000;
const ROW_BYTES = 4_000;

Deno.test("OutboxRelay: batches of 2 MB go into a topic that takes 1 MiB a batch as others do, in order and none refused", async () => {
  await using outbox = await OutboxFixture.open(url);
  await using topic = await TestTopic.create(brokers, 1, { "max.message.bytes": "1048588" });
  await using kafka = new KafkaBus({ source: "kafka", brokers, topic: topic.name });
  await using follow = await RecordedFollow.start(kafka);
  const batches: number[] = [];
  const refusals: unknown[] = [];
  const published = Promise.withResolvers<void>();
  const bus: OutboxBus = {
    source: "kafka",
    publish: async (records) => {
      batches.push(records.length);
      await kafka.publish(records).catch((error) => {
        refusals.push(error);
        throw error;
      });
    },
    isReachable: async () => true,
  };
  await outbox.query(
    `INSERT INTO ${outbox.table} (event, scopes, data)
     SELECT 'test.row-inserted', '{user:1}', jsonb_build_object('n', n, 'text', repeat('x', $1))
     FROM generate_series(1, $2) AS n`,
    [ROW_BYTES, ROWS],
  );
  let left = ROWS;
  const observer = {
    published: (count: number) => {
      left -= count;
      if (left === 0) published.resolve();
    },
  };
  {
    await using _relay = outbox.relay(bus, {}, observer);
    await published.promise;
  }
  assert.deepEqual([refusals, batches], [[], [500, 500, 500, 500]]);
  await follow.untilRecords(ROWS);
  const numbers = follow.texts().map((text) => JSON.parse(text).data.n);
  await follow.close();
  assert.deepEqual(numbers, Array.from({ length: ROWS }, (_, index) => index + 1));
});
