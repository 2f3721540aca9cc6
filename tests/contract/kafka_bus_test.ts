import { KafkaBus } from "../../src/bus/kafka/kafka_bus.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { type KafkaServer, startKafka } from "../support/kafka_server.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { describeEventBusContract } from "./event_bus_contract.ts";

const shared = await sharedKafka();

class KafkaLogUnderTest implements AsyncDisposable {
  readonly topic: TestTopic;
  readonly #server: KafkaServer | null;

  constructor(topic: TestTopic, server: KafkaServer | null) {
    this.topic = topic;
    this.#server = server;
  }

  get server(): KafkaServer {
    if (this.#server === null) throw new Error("Cannot stop the server of this log: it is shared");
    return this.#server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.topic[Symbol.asyncDispose]();
    await this.#server?.[Symbol.asyncDispose]();
  }
}

function openBus({ topic }: KafkaLogUnderTest): Promise<KafkaBus> {
  const { brokers, name } = topic;
  const limits = { metadataIntervalMs: 200, retryMaxMs: 500, requestTimeoutMs: 3_000, publishTimeoutMs: 5_000 };
  return Promise.resolve(new KafkaBus({ source: "kafka", brokers, topic: name, limits }));
}

describeEventBusContract<KafkaLogUnderTest>("Kafka bus", {
  createLog: async ({ partitions, ownServer }) => {
    const server = ownServer ? await startKafka() : null;
    return new KafkaLogUnderTest(await TestTopic.create((server ?? shared).brokers, partitions), server);
  },
  openBus,
  openSecondBus: openBus,
  trim: async ({ topic }, partition, keep) => {
    const { high } = await topic.offsets(partition);
    await topic.deleteRecordsBefore(partition, high - BigInt(keep));
  },
  recreate: async ({ topic }) => {
    await topic.delete();
    await topic.createAnew(1);
  },
  writeWithHoles: async ({ topic }) => {
    const messages = (...texts: string[]) => texts.map((value) => ({ value }));
    const a = await topic.produce(0, messages("a", "b"));
    const c = await topic.produceInTransaction(0, messages("c", "d"), "commit");
    await topic.produceInTransaction(0, messages("x", "y"), "abort");
    const e = await topic.produce(0, messages("e"));
    const f = await topic.produceInTransaction(0, messages("f"), "commit");
    const offsets = [[a, "a"], [a + 1n, "b"], [c, "c"], [c + 1n, "d"], [e, "e"], [f, "f"]] as const;
    return offsets.map(([offset, text]) => ({ offset, value: new TextEncoder().encode(text) }));
  },
  addPartitions: ({ topic }, total) => topic.addPartitions(total),
  server: {
    stop: ({ server }) => server.stop(),
    kill: ({ server }) => server.kill(),
    start: ({ server }) => server.restart(),
  },
  keepsRecordsInProcess: false,
  randomRuns: 10,
});
