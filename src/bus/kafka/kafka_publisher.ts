/**
 * Publishes in rounds: while one round is on its way, what arrives waits and goes together in the next one, so that
 * many small publishes cost few requests and records of one key keep their order. A publish whose records all belong
 * to one partition is part of one batch, which Kafka takes or refuses as a whole. With one whose records belong to
 * several, or are more than one batch may have, the round is a transaction, in as many requests as it needs.
 */
import { Buffer } from "node:buffer";
import { Partitioners, type PartitionMetadata } from "kafkajs";
import { BusError, type PublishedPosition, type PublishRecord } from "../event_bus.ts";
import { type Batches, type BatchOutcome, BatchProducer, codeOf } from "./batch_producer.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaError } from "./kafka_error.ts";

/** A publisher that follows nothing learns of new partitions by looking now and then. */
const METADATA_AGE_MS = 30_000;
/** What a record costs on the wire besides its bytes, at most. */
const RECORD_OVERHEAD_BYTES = 32;
const HEADER_OVERHEAD_BYTES = 10;
/** kafkajs' grouping is quadratic in the records of one partition. */
const MAX_ROUND_RECORDS = 5_000;
const TOO_LARGE = new Set([10, 18]);

interface Publish {
  readonly records: readonly PublishRecord[];
  readonly bytes: number;
  readonly deadlineMs: number;
  /** The partition of each record, known when its round begins. */
  partitions: readonly number[];
  resolve(positions: readonly PublishedPosition[]): void;
  reject(error: BusError): void;
}

export class KafkaPublisher {
  readonly #cluster: KafkaCluster;
  readonly #producer: BatchProducer;
  /** murmur2 of the key, as the Java producer chooses; without a key, round and round. */
  readonly #choosePartition = Partitioners.DefaultPartitioner();
  readonly #waiting: Publish[] = [];
  /** Of one request. A topic may take less than the brokers' default, which it tells by refusing. */
  #maxRequestBytes: number;
  #running: Promise<void> | null = null;

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#producer = new BatchProducer(cluster);
    this.#maxRequestBytes = cluster.settings.limits.maxRequestBytes;
  }

  /** See `EventBus.publish`. */
  publish(records: readonly PublishRecord[]): Promise<readonly PublishedPosition[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly PublishedPosition[]>();
    const deadlineMs = performance.now() + this.#cluster.settings.limits.publishTimeoutMs;
    this.#waiting.push({ records, bytes: sizeOf(records), deadlineMs, partitions: [], resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Rejects what is under way and resolves when nothing is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const publish of this.#waiting.splice(0)) publish.reject(this.#error("the bus was closed"));
    await this.#producer[Symbol.asyncDispose]();
    await this.#running;
    await this.#producer[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    // Publishes of the same turn join the first round.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#sendRound(this.#takeRound());
    this.#running = null;
  }

  /** The oldest publishes, as many as fit one batch a partition; one alone always. */
  #takeRound(): Publish[] {
    let bytes = 0;
    let records = 0;
    let count = 0;
    for (const publish of this.#waiting) {
      bytes += publish.bytes;
      records += publish.records.length;
      const isFull = bytes > this.#maxRequestBytes || records > MAX_ROUND_RECORDS;
      if (count > 0 && isFull) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendRound(round: readonly Publish[]): Promise<void> {
    const timely = round.filter((publish) => {
      const isTimely = performance.now() < publish.deadlineMs;
      if (!isTimely) publish.reject(this.#error("it has waited too long behind others"));
      return isTimely;
    });
    if (timely.length === 0) return;
    const deadlineMs = Math.min(...timely.map((publish) => publish.deadlineMs));
    try {
      await this.#choosePartitions(timely, deadlineMs);
    } catch (cause) {
      for (const { reject } of timely) reject(this.#error(messageOf(cause), cause));
      return;
    }
    const [batches = new Map(), ...more] = partsOf(timely, this.#maxRequestBytes);
    const isAtomic = more.length > 0 || timely.some(({ partitions }) => new Set(partitions).size > 1);
    const outcomes =
      await (isAtomic
        ? this.#producer.sendAll([batches, ...more], deadlineMs)
        : this.#producer.sendEach(batches, deadlineMs));
    await this.#settleRound(timely, outcomes);
  }

  async #settleRound(round: readonly Publish[], outcomes: ReadonlyMap<number, BatchOutcome>): Promise<void> {
    const placed = new Map<number, number>();
    const again: Publish[] = [];
    for (const publish of round) {
      // Together they were larger than the topic allows; alone, or in smaller requests, they may not be.
      const isRetried = isTooLarge(publish, outcomes) && (round.length > 1 || this.#lowerRequestBytes(publish));
      if (isRetried) again.push(publish);
      else this.#settle(publish, outcomes, placed);
    }
    for (const publish of again) await this.#sendRound([publish]);
  }

  /** False when smaller requests are no help: a record that stands alone in one of them may be what is too large. */
  #lowerRequestBytes({ records }: Publish): boolean {
    const isSplit = records.length > 1 && records.every((record) => sizeOf([record]) <= this.#maxRequestBytes);
    if (isSplit) this.#maxRequestBytes /= 2;
    return isSplit;
  }

  async #choosePartitions(round: readonly Publish[], deadlineMs: number): Promise<void> {
    const { topic } = this.#cluster;
    const partitionMetadata = await this.#partitions(deadlineMs);
    const choose = (key: Uint8Array | null) => {
      return this.#choosePartition({
        topic,
        partitionMetadata,
        message: { key: key && Buffer.from(key), value: null },
      });
    };
    for (const publish of round) {
      const partitions = publish.records.map(({ key }) => key === null ? null : choose(key));
      // Those without a key join a keyed one, or each other: one partition needs no transaction.
      const keyless = partitions.find((partition) => partition !== null) ?? choose(null);
      publish.partitions = partitions.map((partition) => partition ?? keyless);
    }
  }

  /** Waits for the cluster as long as the publish may. */
  async #partitions(deadlineMs: number): Promise<PartitionMetadata[]> {
    for (let attempt = 1;; attempt++) {
      try {
        const { partitions } = await this.#cluster.topicMetadata(METADATA_AGE_MS);
        return Array.from(partitions, ([partitionId, { leader }]) => (
          { partitionId, leader, partitionErrorCode: 0, replicas: [], isr: [] }
        ));
      } catch (error) {
        const isOver = error instanceof KafkaError || this.#cluster.closing.aborted;
        if (isOver || performance.now() >= deadlineMs) throw error;
        await this.#cluster.backOff(attempt, deadlineMs);
      }
    }
  }

  /** `placed` counts, for each partition, the records of this round that stand before. */
  #settle(publish: Publish, outcomes: ReadonlyMap<number, BatchOutcome>, placed: Map<number, number>): void {
    const positions: PublishedPosition[] = [];
    let failure: Extract<BatchOutcome, { kind: "failed" }> | null = null;
    for (const partition of publish.partitions) {
      const outcome = outcomes.get(partition);
      const index = placed.get(partition) ?? 0;
      placed.set(partition, index + 1);
      if (outcome?.kind === "written") positions.push({ partition, offset: outcome.offsets[index] ?? -1n });
      else failure ??= outcome ?? { kind: "failed", cause: new KafkaError(-1), mayHaveBeenWritten: true };
    }
    if (failure === null) publish.resolve(positions);
    else publish.reject(this.#error(messageOf(failure.cause), failure.cause, failure.mayHaveBeenWritten));
  }

  #error(why: string, cause?: unknown, mayHaveBeenWritten = false): BusError {
    return new BusError(`Cannot publish to Kafka topic "${this.#cluster.topic}": ${why}`, {
      cause,
      mayHaveBeenWritten,
      isTooLarge: TOO_LARGE.has(codeOf(cause)),
    });
  }
}

/** The records by their partitions, in their order: as many a part as have `maxBytes` together, at least one. */
function partsOf(round: readonly Publish[], maxBytes: number): Batches[] {
  let part = new Map<number, PublishRecord[]>();
  const parts = [part];
  let bytes = 0;
  for (const { records, partitions } of round) {
    for (const [index, record] of records.entries()) {
      const size = sizeOf([record]);
      if (bytes > 0 && bytes + size > maxBytes) {
        part = new Map();
        parts.push(part);
        bytes = 0;
      }
      bytes += size;
      const partition = partitions[index] ?? 0;
      const batch = part.get(partition);
      if (batch === undefined) part.set(partition, [record]);
      else batch.push(record);
    }
  }
  return parts;
}

function isTooLarge(publish: Publish, outcomes: ReadonlyMap<number, BatchOutcome>): boolean {
  return publish.partitions.some((partition) => {
    const outcome = outcomes.get(partition);
    return outcome?.kind === "failed" && TOO_LARGE.has(codeOf(outcome.cause));
  });
}

function sizeOf(records: readonly PublishRecord[]): number {
  let bytes = 0;
  for (const { key, value, headers } of records) {
    bytes += RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + value.length;
    if (!headers) continue;
    for (const [name, header] of headers) bytes += HEADER_OVERHEAD_BYTES + 3 * name.length + header.length;
  }
  return bytes;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
