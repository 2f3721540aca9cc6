import { Buffer } from "node:buffer";
import type { Message } from "kafkajs";
import type { Offset } from "../../model/position.ts";
import type { PublishRecord } from "../event_bus.ts";
import { COMPRESSIONS } from "./compression_codecs.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { ProducerClient } from "./producer_client.ts";

/** Records by the partition that they go to. */
export type Batches = ReadonlyMap<number, readonly PublishRecord[]>;

/** What became of one partition's batch. */
export type BatchOutcome =
  /** The offset of each record, in the order given. */
  | { readonly kind: "written"; readonly offsets: readonly Offset[] }
  | { readonly kind: "failed"; readonly cause: unknown; readonly mayHaveBeenWritten: boolean };

/** Refused by what the batch is, not by when it came: an earlier attempt whose answer was lost was refused as well. */
const REFUSALS = new Set([10, 17, 18, 29, 31, 53, 87]);

/** A transaction whose gateway died holds up every reader of its partitions for this long. */
const TRANSACTION_TIMEOUT_MS = 15_000;

/**
 * Sends batches by kafkajs' producers, one call at a time: `sendEach` by the idempotent one, each batch one request that
 * Kafka takes or refuses as a whole; `sendAll` by the transactional one, all batches or none, in as many requests as given.
 */
export class BatchProducer {
  readonly #cluster: KafkaCluster;
  /** Of this process alone: nodes must not fence each other off. The brokers forget an unused one after seven days. */
  readonly #transactionalId: string;
  readonly #ending = new Set<Promise<void>>();
  #idempotent: ProducerClient | null = null;
  #transactional: ProducerClient | null = null;

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#transactionalId = `${cluster.settings.clientId}-${crypto.randomUUID()}`;
  }

  /** @param deadlineMs of `performance.now()`; what is not answered by then has failed */
  async sendEach(batches: Batches, deadlineMs: number): Promise<ReadonlyMap<number, BatchOutcome>> {
    const client = this.#idempotent ??= new ProducerClient(this.#cluster, {});
    const outcomes = new Map<number, BatchOutcome>();
    // What it is refused by one batch, it is not by the next; one that was refused itself, while connecting, stays so.
    let isUsable = true;
    await Promise.all(
      [...batches].map(async ([partition, records]) => {
        let isSent = false;
        try {
          const producer = await within(client.connected(), deadlineMs);
          isSent = true;
          const answer = producer.send(this.#request(new Map([[partition, records]])));
          const [written] = await within(answer, deadlineMs);
          outcomes.set(partition, { kind: "written", offsets: offsetsFrom(written?.baseOffset, records.length) });
        } catch (cause) {
          if (!isSent || !isRefusal(cause)) isUsable = false;
          outcomes.set(partition, { kind: "failed", cause, mayHaveBeenWritten: isSent && !isRefusal(cause) });
        }
      }),
    );
    if (!isUsable) {
      this.#idempotent = null;
      this.#end(client);
    }
    return outcomes;
  }

  /**
   * See {@link sendEach}; one outcome for all.
   *
   * @param parts what goes together in one request, in this order
   */
  async sendAll(parts: readonly Batches[], deadlineMs: number): Promise<ReadonlyMap<number, BatchOutcome>> {
    const client = this.#transactional ??= this.#transactionalClient();
    let isCommitting = false;
    try {
      const producer = await within(client.connected(), deadlineMs);
      const transaction = await within(producer.transaction(), deadlineMs);
      const offsets = new Map<number, Offset[]>();
      for (const batches of parts) {
        const written = await within(transaction.send(this.#request(batches)), deadlineMs);
        for (const { partition, baseOffset } of written) {
          // Others write in between: each part has offsets of its own.
          const ofPart = offsetsFrom(baseOffset, batches.get(partition)?.length ?? 0);
          offsets.set(partition, [...offsets.get(partition) ?? [], ...ofPart]);
        }
      }
      isCommitting = true;
      await within(transaction.commit(), deadlineMs);
      return new Map(Array.from(offsets, ([partition, ofAll]) => [partition, { kind: "written", offsets: ofAll }]));
    } catch (cause) {
      // Its next identity, or the transaction's timeout, aborts what was left open.
      this.#transactional = null;
      this.#end(client);
      if (isRefusal(cause)) await this.#abortLeftOpen(deadlineMs);
      return new Map(
        parts.flatMap((batches) => [...batches.keys()]).map((partition) => {
          return [partition, { kind: "failed", cause, mayHaveBeenWritten: isCommitting }];
        }),
      );
    }
  }

  #transactionalClient(): ProducerClient {
    return new ProducerClient(this.#cluster, {
      transactionalId: this.#transactionalId,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      maxInFlightRequests: 1,
      // The coordinator completes a transaction for some milliseconds after it was committed, and refuses the next.
      retry: { initialRetryTime: 5 },
    });
  }

  /**
   * Takes the next identity at once, while the brokers answer, so that no reader waits for the timeout. Not by aborting:
   * a request to another broker may still be on its way, which only an older identity keeps out of the log.
   */
  async #abortLeftOpen(deadlineMs: number): Promise<void> {
    const client = this.#transactional = this.#transactionalClient();
    try {
      const producer = await within(client.connected(), deadlineMs);
      const transaction = await within(producer.transaction(), deadlineMs);
      await within(transaction.abort(), deadlineMs);
    } catch {
      this.#transactional = null;
      this.#end(client);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of [this.#idempotent, this.#transactional]) if (client !== null) this.#end(client);
    await Promise.all(this.#ending);
  }

  #request(batches: Batches) {
    const messages: Message[] = [];
    for (const [partition, records] of batches) {
      for (const record of records) messages.push(messageOf(record, partition));
    }
    const { compression, limits } = this.#cluster.settings;
    return {
      topic: this.#cluster.topic,
      acks: -1,
      timeout: limits.requestTimeoutMs,
      compression: COMPRESSIONS[compression],
      messages,
    };
  }

  #end(client: ProducerClient): void {
    const ending = client.discard().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

function messageOf({ key, value, headers }: PublishRecord, partition: number): Message {
  return {
    partition,
    key: key === null ? null : bufferOf(key),
    value: bufferOf(value),
    headers: Object.fromEntries(Array.from(headers ?? [], ([name, bytes]) => [name, bufferOf(bytes)])),
  };
}

/** A batch lies in one piece. */
function offsetsFrom(base: string | undefined, count: number): Offset[] {
  const first = BigInt(base ?? -1);
  return Array.from({ length: count }, (_, index) => first + BigInt(index));
}

/** The same bytes: kafkajs writes a plain Uint8Array as its decimal text. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** kafkajs' codes stand on the error or, after retries, on its cause. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(codeOf(error));
}

/** The broker's error code, or NaN. */
export function codeOf(error: unknown): number {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "number") return cause.code;
  }
  return NaN;
}

/** Rejects at the deadline; the work itself goes on until its client is discarded. */
async function within<Value>(work: Promise<Value>, deadlineMs: number): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("no answer in time")), deadlineMs - performance.now());
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
