import { Kafka, logLevel, Partitioners, type Producer } from "kafkajs";
import { KafkaBus } from "../../src/bus/kafka/kafka_bus.ts";
import type { Offset } from "../../src/model/position.ts";
import { OUTBOX_HEADER } from "../../src/outbox/outbox_row.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { nextMoment } from "../checker/moments.ts";
import { passes } from "./fault_run.ts";
import type { FaultSource, OutgoingRecord, StoredRecord } from "./fault_source.ts";
import { RecordedLog } from "./recorded_log.ts";

/** A frozen broker costs the writer this long, then the outcome is unknown. */
const REQUEST_TIMEOUT_MS = 2_000;
/** A reader of the whole topic that gets nothing new for this long has everything: marks of transactions are at its end. */
const READ_IDLE_MS = 1_000;
/** How often it looks whether it has. */
const READ_POLL_MS = 20;
/** How long a fetch of that reader waits, and with it the reader's end. */
const READ_WAIT_MS = 100;
/** While a partition has no leader nothing can be asked of it; who waits for one looks again so soon. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 500 };
/** So soon does the writer notice by itself that another broker leads. */
const METADATA_MAX_AGE_MS = 1_000;

/** A topic on real brokers, with the suite's own writer and reader, who reach them directly. */
export abstract class KafkaTopicSource implements FaultSource {
  readonly log = new RecordedLog("tasks", "integer");
  readonly topic: TestTopic;
  readonly #client: Kafka;
  readonly #producer: Producer;

  protected constructor(topic: TestTopic) {
    this.topic = topic;
    this.#client = new Kafka({
      brokers: [...topic.brokers],
      logLevel: logLevel.NOTHING,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
    });
    // A record is sent once: sent again by the library, it could be there twice.
    this.#producer = this.#client.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      retry: { retries: 0 },
    });
  }

  /** Ports of 127.0.0.1 at which the gateways reach the brokers. */
  protected abstract readonly gatewayPorts: readonly number[];

  get config(): Readonly<Record<string, unknown>> {
    return { kafka: { brokers: this.gatewayPorts.map((port) => `127.0.0.1:${port}`), topic: this.topic.name } };
  }

  /** Connects the writer to the new topic. */
  protected async prepare(partitions: number): Promise<void> {
    await this.#producer.connect();
    await this.#begin(partitions);
  }

  async append(records: readonly OutgoingRecord[]): Promise<void> {
    const placed = records.map((record) => ({ ...record, partition: this.#partitionOf(record) }));
    try {
      const written = await this.#producer.send({
        topic: this.topic.name,
        messages: placed.map(({ value, partition }) => ({ value, partition })),
        timeout: REQUEST_TIMEOUT_MS,
      });
      for (const { partition, baseOffset, errorCode } of written) {
        if (errorCode !== 0) throw new Error(`Cannot write to partition ${partition}: error ${errorCode}`);
        let offset = BigInt(baseOffset ?? -1);
        for (const record of placed) {
          if (record.partition === partition) this.log.accept(partition, offset++, record.event);
        }
      }
    } catch (error) {
      for (const record of records) this.log.doubt(record);
      throw error;
    }
  }

  async takeStock(): Promise<void> {
    await this.log.resolveDoubts(this);
    for (let partition = 0; partition < this.log.partitionCount; partition++) {
      const askedAt = nextMoment();
      this.log.trim(partition, (await this.topic.offsets(partition)).low, askedAt);
    }
  }

  /** By a reader that shares nothing with the gateway's; what is written meanwhile may be among it. */
  async readAll(take: (record: StoredRecord) => void): Promise<void> {
    const unread = new Map<number, Offset>();
    for (let partition = 0; partition < this.log.partitionCount; partition++) {
      const { low, high } = await this.topic.offsets(partition);
      if (low < high) unread.set(partition, high);
    }
    const consumer = this.#client.consumer({ groupId: crypto.randomUUID(), maxWaitTimeInMs: READ_WAIT_MS });
    await consumer.connect();
    try {
      await consumer.subscribe({ topic: this.topic.name, fromBeginning: true });
      let lastAtMs = performance.now();
      await consumer.run({
        eachMessage: async ({ partition, message: { offset, value, headers } }) => {
          lastAtMs = performance.now();
          const identity = headers?.[OUTBOX_HEADER]?.toString();
          take({ partition, offset: BigInt(offset), value: value?.toString() ?? "", identity });
          if (BigInt(offset) + 1n >= (unread.get(partition) ?? 0n)) unread.delete(partition);
        },
      });
      while (unread.size > 0 && performance.now() - lastAtMs < READ_IDLE_MS) await passes(READ_POLL_MS);
    } finally {
      await consumer.disconnect();
    }
  }

  /** All that are there now. */
  async deleteAllRecords(): Promise<void> {
    for (let partition = 0; partition < this.log.partitionCount; partition++) {
      await this.topic.deleteRecordsBefore(partition, (await this.topic.offsets(partition)).high);
    }
  }

  async addPartitions(total: number): Promise<void> {
    await this.topic.addPartitions(total);
    while (this.log.partitionCount < total) this.log.addPartition();
  }

  /** The topic goes, and comes back with nothing in it. Nobody may write meanwhile. */
  async recreate(partitions: number): Promise<void> {
    await this.topic.delete();
    await this.createAnew(partitions);
  }

  /** The topic, which is away, comes back with nothing in it. */
  async createAnew(partitions: number): Promise<void> {
    await this.topic.createAnew(partitions);
    await this.#begin(partitions);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect();
    await this.topic.delete();
    await this.topic[Symbol.asyncDispose]();
  }

  async #begin(partitions: number): Promise<void> {
    await using bus = new KafkaBus({ source: "tasks", brokers: [...this.topic.brokers], topic: this.topic.name });
    this.log.begin((await bus.bounds()).epoch, partitions);
  }

  #partitionOf({ key }: OutgoingRecord): number {
    return Number(key.split("/").at(-1)) % this.log.partitionCount;
  }
}
