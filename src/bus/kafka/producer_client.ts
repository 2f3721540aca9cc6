import type { Socket } from "node:net";
import { Kafka, logLevel, Partitioners, type Producer, type ProducerConfig } from "kafkajs";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { kafkajsLog } from "./kafka_log.ts";
import { createSocketFactory } from "./kafkajs_internals.ts";

/** kafkajs' own attempts, about 3 s of them: they are what a discarded producer may still take to end. */
const MAX_RETRIES = 5;
const MAX_RETRY_DELAY_MS = 1_000;

/**
 * One of kafkajs' producers, with a real end. kafkajs goes on retrying when nobody waits any more, and after a lost
 * answer it gives the sequence of the lost batch to the next one, which the broker then takes for the lost one and drops.
 * So a producer whose answer was lost is discarded: its sockets are destroyed and it gets no new ones.
 */
export class ProducerClient {
  readonly #producer: Producer;
  readonly #sockets = new Set<Socket>();
  #connected: Promise<Producer> | null = null;
  #isDiscarded = false;

  constructor(cluster: KafkaCluster, config: ProducerConfig) {
    const { clientId, ssl, sasl, limits } = cluster.settings;
    const createSocket = createSocketFactory();
    const kafka = new Kafka({
      brokers: [...cluster.brokers],
      clientId,
      ...(ssl === null ? {} : { ssl: { ...ssl } }),
      ...(sasl === null ? {} : { sasl: { ...sasl } }),
      connectionTimeout: limits.connectTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      retry: { initialRetryTime: limits.retryMinMs, maxRetryTime: MAX_RETRY_DELAY_MS, retries: MAX_RETRIES },
      logLevel: logLevel.INFO,
      logCreator: () => ({ log }) => kafkajsLog.info(log.message),
      socketFactory: (target) => {
        if (this.#isDiscarded) throw new Error("the producer was discarded");
        const socket = createSocket(target);
        socket.setNoDelay(true);
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
        return socket;
      },
    });
    this.#producer = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      ...config,
    });
  }

  /** Connects at the first call. A failed attempt is not tried again: discard the client then. */
  connected(): Promise<Producer> {
    this.#connected ??= this.#producer.connect().then(() => this.#producer);
    return this.#connected;
  }

  /** Ends it, whatever it is doing; resolves when its timers and sockets are gone, after {@link MAX_RETRIES} at the latest. */
  async discard(): Promise<void> {
    this.#isDiscarded = true;
    // With an error, because kafkajs listens to no other end: it rejects what waits for an answer.
    for (const socket of this.#sockets) socket.destroy(new Error("the producer was discarded"));
    await this.#connected?.catch(() => {});
    await this.#producer.disconnect().catch(() => {});
  }
}
