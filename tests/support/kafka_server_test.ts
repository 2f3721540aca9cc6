import assert from "node:assert/strict";
import { Kafka, logLevel } from "kafkajs";
import { startKafka } from "./kafka_server.ts";

Deno.test("startKafka is ready for topics at once, and keeps their records through a kill", async () => {
  await using server = await startKafka();
  const kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  try {
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ topics: [{ topic: "t", numPartitions: 2 }] });
    await producer.send({ topic: "t", messages: [{ value: "1", partition: 1 }] });
    await server.kill();
    await server.restart();
    const offsets = await admin.fetchTopicOffsets("t");
    assert.deepEqual(offsets.map(({ partition, high }) => [partition, high]).sort(), [[0, "0"], [1, "1"]]);
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
});
