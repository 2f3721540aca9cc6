import { type Admin, ConfigResourceTypes, Kafka, logLevel, type Message, Partitioners } from "kafkajs";

const TOPIC_DEADLINE_MS = 10_000;

/** A topic of one test's own, with what an administrator and another producer can do to it. */
export class TestTopic implements AsyncDisposable {
  readonly name: string;
  readonly brokers: readonly string[];
  readonly #kafka: Kafka;
  readonly #admin: Admin;

  private constructor(brokers: readonly string[], name: string) {
    this.name = name;
    this.brokers = brokers;
    this.#kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50 } });
    this.#admin = this.#kafka.admin();
  }

  static async create(
    brokers: readonly string[],
    partitions: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<TestTopic> {
    const topic = new TestTopic(brokers, `test-${crypto.randomUUID()}`);
    await topic.#admin.connect();
    await topic.createAnew(partitions, config);
    return topic;
  }

  /** Resolves when a leader answers for every partition. */
  async createAnew(partitions: number, config: Readonly<Record<string, string>> = {}): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const topics = [{ topic: this.name, numPartitions: partitions, configEntries }];
    await this.#until(() => this.#admin.createTopics({ topics, waitForLeaders: true }));
    await this.#until(() => this.#admin.fetchTopicOffsets(this.name));
  }

  /** Its settings from now on; the others are the brokers' own again. */
  async configure(config: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: this.name, configEntries }];
    await this.#until(() => this.#admin.alterConfigs({ validateOnly: false, resources }));
  }

  async delete(): Promise<void> {
    await this.#admin.deleteTopics({ topics: [this.name] });
  }

  /** Writes outside of the gateway; resolves with the first record's offset. */
  async produce(partition: number, messages: readonly Message[]): Promise<bigint> {
    const producer = this.#kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    try {
      const records = messages.map((message) => ({ ...message, partition }));
      const [written] = await producer.send({ topic: this.name, messages: records });
      return BigInt(written?.baseOffset ?? -1);
    } finally {
      await producer.disconnect();
    }
  }

  /** Resolves with the first record's offset when the outcome is decided; its marker follows a moment later. */
  async produceInTransaction(
    partition: number,
    messages: readonly Message[],
    outcome: "commit" | "abort",
  ): Promise<bigint> {
    const producer = this.#kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      transactionalId: crypto.randomUUID(),
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    try {
      const transaction = await producer.transaction();
      const records = messages.map((message) => ({ ...message, partition }));
      const [written] = await transaction.send({ topic: this.name, messages: records });
      await transaction[outcome]();
      return BigInt(written?.baseOffset ?? -1);
    } finally {
      await producer.disconnect();
    }
  }

  /** Leaves a transaction open, as a producer that died in the middle of one; the broker aborts it after `timeoutMs`. */
  async leaveTransactionOpen(partition: number, messages: readonly Message[], timeoutMs: number): Promise<void> {
    const producer = this.#kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      transactionalId: crypto.randomUUID(),
      transactionTimeout: timeoutMs,
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: this.name, messages: messages.map((message) => ({ ...message, partition })) });
    await producer.disconnect();
  }

  async deleteRecordsBefore(partition: number, offset: bigint): Promise<void> {
    await this.#admin.deleteTopicRecords({ topic: this.name, partitions: [{ partition, offset: String(offset) }] });
  }

  async addPartitions(total: number): Promise<void> {
    await this.#admin.createPartitions({ topicPartitions: [{ topic: this.name, count: total }] });
    await this.#until(async () => {
      if ((await this.#admin.fetchTopicOffsets(this.name)).length < total) throw new Error("not all are there yet");
    });
  }

  /** Who leads each partition, and who is in sync, itself included; none while a partition has no leader. */
  async leaders(): Promise<readonly PartitionLeader[]> {
    const metadata = await this.#admin.fetchTopicMetadata({ topics: [this.name] }).catch(() => undefined);
    return (metadata?.topics[0]?.partitions ?? [])
      .map(({ partitionId, leader, isr }) => ({ partition: partitionId, leader, inSync: isr.toSorted() }))
      .sort((one, other) => one.partition - other.partition);
  }

  /** Log start and end, with uncommitted records. */
  async offsets(partition: number): Promise<{ low: bigint; high: bigint }> {
    const all = await this.#until(() => this.#admin.fetchTopicOffsets(this.name));
    const found = all.find((offsets) => offsets.partition === partition);
    return { low: BigInt(found?.low ?? -1), high: BigInt(found?.high ?? -1) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect();
  }

  /** A deleted topic's name is taken for a moment, and a leader not yet elected. */
  async #until<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const deadlineMs = performance.now() + TOPIC_DEADLINE_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (performance.now() > deadlineMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

export interface PartitionLeader {
  readonly partition: number;
  readonly leader: number;
  readonly inSync: readonly number[];
}
