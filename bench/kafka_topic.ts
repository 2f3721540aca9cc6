import { Kafka, logLevel } from "kafkajs";

/** Creates a topic and waits until its partitions have leaders. */
export async function createTopic(broker: string, topic: string, numPartitions: number): Promise<void> {
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR }).admin();
  await admin.connect();
  try {
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, replicationFactor: 1 }] });
  } finally {
    await admin.disconnect();
  }
}
