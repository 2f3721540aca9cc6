import { Buffer } from "node:buffer";
import { Kafka, logLevel, type Message, Partitioners, type Producer } from "kafkajs";
import { BusError, type PublishedPosition, type PublishRecord } from "../event_bus.ts";
import type { ConnectionSettings } from "./kafka_connection.ts";

export class KafkaPublisher {
  readonly #topic: string;
  readonly #producer: Producer;
  #connected: Promise<void> | null = null;

  constructor(topic: string, brokers: readonly string[], settings: ConnectionSettings) {
    this.#topic = topic;
    this.#producer = new Kafka({
      brokers: [...brokers],
      clientId: settings.clientId,
      logLevel: logLevel.NOTHING,
      ...(settings.ssl === null ? {} : { ssl: { ...settings.ssl } }),
    }).producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
  }

  async publish(records: readonly PublishRecord[]): Promise<readonly PublishedPosition[]> {
    try {
      this.#connected ??= this.#producer.connect();
      await this.#connected;
      const partition = 0;
      const messages = records.map(({ key, value, headers }): Message => ({
        partition,
        key: key === null ? null : Buffer.from(key),
        value: Buffer.from(value),
        headers: Object.fromEntries([...headers ?? []].map(([name, bytes]) => [name, Buffer.from(bytes)])),
      }));
      const [answer] = await this.#producer.send({ topic: this.#topic, acks: -1, messages });
      const base = BigInt(answer?.baseOffset ?? "-1");
      return records.map((_, index) => ({ partition, offset: base + BigInt(index) }));
    } catch (cause) {
      throw new BusError(`Cannot publish to Kafka topic "${this.#topic}"`, { cause, mayHaveBeenWritten: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#connected !== null) await this.#producer.disconnect();
  }
}
