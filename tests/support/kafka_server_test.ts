import assert from "node:assert/strict";
import { type Admin, Kafka, logLevel, type Producer } from "kafkajs";
import { startKafka } from "./kafka_server.ts";

Deno.test("startKafka is ready for topics at once, and keeps their records through a kill", async () => {
  await using server = await startKafka();
  await withClients(server.brokers, async (admin, producer) => {
    await admin.createTopics({ topics: [{ topic: "t", numPartitions: 2 }] });
    await producer.send({ topic: "t", messages: [{ value: "1", partition: 1 }] });
  });
  await server.kill();
  await server.restart();
  await withClients(server.brokers, async (admin) => {
    const offsets = await admin.fetchTopicOffsets("t");
    assert.deepEqual(offsets.map(({ partition, high }) => [partition, high]).sort(), [[0, "0"], [1, "1"]]);
  });
});

/** New clients for each phase: kafkajs keeps a timer of the connections that a kill cut off. */
async function withClients(
  brokers: readonly string[],
  use: (admin: Admin, producer: Producer) => Promise<void>,
): Promise<void> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  try {
    await Promise.all([admin.connect(), producer.connect()]);
    await use(admin, producer);
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  }
}
