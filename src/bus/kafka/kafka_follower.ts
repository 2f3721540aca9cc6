/**
 * Follows every partition of a topic by position, without a consumer group: nothing is committed, nobody rebalances, and
 * no other node's coming and going is felt. The metadata are looked at every few seconds and whenever a reader ends;
 * each look starts what is missing: a {@link NodeReader} for every broker that leads a partition, positions for
 * partitions that are new, and, when the topic's ID has changed, everything from the new log's first record.
 */
import { reasonOf } from "../../log/reason_of.ts";
import type { Offset } from "../../model/position.ts";
import { BusError, type FollowEvent, type FollowSink, type LogBounds, type PartitionBounds } from "../event_bus.ts";
import { type FetchPosition, NO_LEADER_EPOCH } from "./fetch_request.ts";
import { epochOf, type KafkaCluster } from "./kafka_cluster.ts";
import { isPermanent, KafkaError, UNKNOWN_TOPIC } from "./kafka_error.ts";
import { kafkaLog } from "./kafka_log.ts";
import type { MetadataAnswer } from "./metadata_request.ts";
import { NodeReader, type ReadEvent } from "./node_reader.ts";

/** A topic that was created a moment ago is not known to every broker at once. */
const MAX_UNKNOWN_AT_START = 5;

export class KafkaFollower {
  readonly #cluster: KafkaCluster;
  readonly #sink: FollowSink;
  readonly #signal: AbortSignal;
  readonly #positions = new Map<number, FetchPosition>();
  readonly #leaders = new Map<number, number>();
  readonly #readers = new Map<number, NodeReader>();
  /** Deliveries one after another, whichever reader they come from. */
  #delivered: Promise<void> = Promise.resolve();
  #sinkFailure: { readonly error: unknown } | null = null;
  #topicId: string | null = null;
  #state: "up" | "down" | null = null;
  #hasBeenUp = false;
  #failedAttempts = 0;
  #wake: () => void = () => {};
  /** A reader has ended since the last look began. */
  #isReaderMissing = false;

  constructor(cluster: KafkaCluster, sink: FollowSink, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#sink = sink;
    this.#signal = AbortSignal.any([signal, cluster.closing]);
  }

  /** `epoch`: of the log that the positions are of, when the caller was told one. See `EventBus.follow`. */
  async run(from: ReadonlyMap<number, Offset>, epoch: string | null): Promise<void> {
    const stop = () => this.#wake();
    this.#signal.addEventListener("abort", stop);
    try {
      while (!this.#isOver()) {
        const failure = await this.#look(from, epoch).then(() => null, (error) => ({ error }));
        if (this.#isOver()) break;
        if (failure !== null && this.#isFinal(failure.error)) throw this.#finalError(failure.error);
        this.#failedAttempts = failure === null ? 0 : this.#failedAttempts + 1;
        await this.#report(failure);
        if (this.#state !== null) { for (const reader of this.#readers.values()) reader.release(); }
        await this.#pause();
      }
    } finally {
      this.#signal.removeEventListener("abort", stop);
      await this.#stopReaders();
    }
    if (this.#sinkFailure !== null) throw this.#sinkFailure.error;
  }

  /** One look at the cluster, after which everything is being read; rejects with what is not. */
  async #look(from: ReadonlyMap<number, Offset>, epoch: string | null): Promise<void> {
    this.#isReaderMissing = false;
    const metadata = await this.#cluster.topicMetadata(0);
    if (this.#topicId === null) await this.#begin(metadata, from, epoch);
    else if (this.#topicId !== metadata.topicId) await this.#beginAnew(metadata);
    else if (metadata.partitions.size > this.#positions.size) await this.#addPartitions();
    if (this.#topicId !== metadata.topicId) throw new KafkaError(103);
    for (const [partition, { leader }] of metadata.partitions) this.#leaders.set(partition, leader);
    await this.#startReaders();
  }

  async #begin(metadata: MetadataAnswer, from: ReadonlyMap<number, Offset>, epoch: string | null): Promise<void> {
    const isOfThisLog = epoch === null || epoch === epochOf(metadata);
    if (!isOfThisLog) return await this.#beginAnew(metadata);
    const unknown = [...from.keys()].find((partition) => !metadata.partitions.has(partition));
    if (unknown !== undefined) throw new UnknownPartitionError(this.#cluster.topic, unknown, metadata.partitions.size);
    const missing = [...metadata.partitions.keys()].filter((partition) => !from.has(partition));
    const limits = await this.#cluster.limits(missing);
    for (const partition of metadata.partitions.keys()) {
      const offset = from.get(partition) ?? limits.get(partition)?.first ?? 0n;
      this.#positions.set(partition, { offset, leaderEpoch: NO_LEADER_EPOCH });
    }
    this.#topicId = metadata.topicId;
  }

  async #beginAnew(metadata: MetadataAnswer): Promise<void> {
    await this.#stopReaders();
    const bounds = await this.#cluster.bounds(0);
    if (bounds.epoch !== epochOf(metadata)) throw new KafkaError(103);
    this.#positions.clear();
    this.#leaders.clear();
    this.#setFirst(bounds.partitions);
    this.#topicId = metadata.topicId;
    kafkaLog.warn("Kafka topic {topic} was created anew", { topic: this.#cluster.topic });
    await this.#deliver({ kind: "epoch-changed", bounds });
  }

  async #addPartitions(): Promise<void> {
    const bounds: LogBounds = await this.#cluster.bounds(0);
    const partitions = new Map([...bounds.partitions].filter(([partition]) => !this.#positions.has(partition)));
    this.#setFirst(partitions);
    await this.#deliver({ kind: "partitions-added", partitions });
  }

  #setFirst(partitions: ReadonlyMap<number, PartitionBounds>): void {
    for (const [partition, { first }] of partitions) {
      this.#positions.set(partition, { offset: first, leaderEpoch: NO_LEADER_EPOCH });
    }
  }

  async #startReaders(): Promise<void> {
    for (const [nodeId, reader] of this.#readers) {
      if (this.#positionsOn(nodeId).size === 0) reader.stop();
    }
    const leaders = new Set(this.#leaders.values());
    const hasLeaders = !leaders.delete(-1);
    await Promise.all([...leaders].map((nodeId) => this.#readers.get(nodeId)?.attached ?? this.#startReader(nodeId)));
    if (!hasLeaders) throw new KafkaError(5);
  }

  #startReader(nodeId: number): Promise<void> {
    const reader = new NodeReader(this.#cluster, {
      nodeId,
      topicId: this.#topicId ?? "",
      positions: () => this.#positionsOn(nodeId),
      deliver: (read) => this.#deliverRead(read),
    });
    this.#readers.set(nodeId, reader);
    reader.ended.then(() => {
      if (this.#readers.get(nodeId) === reader) this.#readers.delete(nodeId);
      this.#isReaderMissing = true;
      this.#wake();
    });
    // An outage of one broker does not hold up what the others lead.
    if (this.#state !== null) reader.release();
    return reader.attached;
  }

  #positionsOn(nodeId: number): ReadonlyMap<number, FetchPosition> {
    const positions = new Map<number, FetchPosition>();
    for (const [partition, position] of this.#positions) {
      if (this.#leaders.get(partition) === nodeId) positions.set(partition, position);
    }
    return positions;
  }

  async #stopReaders(): Promise<void> {
    const readers = [...this.#readers.values()];
    for (const reader of readers) reader.stop();
    await Promise.all(readers.map((reader) => reader.ended));
    this.#readers.clear();
  }

  async #deliverRead({ event, leaderEpoch }: ReadEvent): Promise<void> {
    await this.#deliver(event);
    this.#positions.set(event.partition, { offset: event.next, leaderEpoch });
  }

  #deliver(event: FollowEvent): Promise<void> {
    this.#delivered = this.#delivered.then(async () => {
      if (this.#isOver()) return;
      try {
        await this.#sink(event);
      } catch (error) {
        this.#sinkFailure = { error };
        this.#wake();
      }
    });
    return this.#delivered;
  }

  /** One `state` a change. The first failure of an outage is not reported: it may be cured by the look that follows it at once. */
  async #report(failure: { readonly error: unknown } | null): Promise<void> {
    const { topic } = this.#cluster;
    if (failure === null) {
      if (this.#state === "up") return;
      this.#state = "up";
      this.#hasBeenUp = true;
      const detail = `Kafka topic "${topic}" is being followed: ${this.#positions.size} partitions`;
      kafkaLog.info("{detail}", { detail });
      return await this.#deliver({ kind: "state", state: "up", detail });
    }
    if (this.#state === "down" || this.#failedAttempts < 2) return;
    this.#state = "down";
    const detail = `Kafka topic "${topic}" cannot be followed: ${reasonOf(failure.error)}`;
    kafkaLog.warn("{detail}", { detail });
    await this.#deliver({ kind: "state", state: "down", detail });
  }

  /** Until the next look is due, a reader has ended, or it is over. */
  async #pause(): Promise<void> {
    const { limits } = this.#cluster.settings;
    let delayMs = limits.metadataIntervalMs;
    if (this.#failedAttempts > 0) {
      const ceilingMs = Math.min(limits.retryMinMs * 2 ** (this.#failedAttempts - 1), limits.retryMaxMs);
      delayMs = Math.random() * ceilingMs;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    // While failing, the readers that end are those just started: their end must not cut the back-off short.
    this.#wake = () => {
      if (this.#isOver() || (this.#isReaderMissing && this.#failedAttempts === 0)) resolve();
    };
    this.#wake();
    await promise;
    clearTimeout(timer);
    this.#wake = () => {};
  }

  #isOver(): boolean {
    return this.#signal.aborted || this.#sinkFailure !== null;
  }

  /** Before the first `up`, what an operator must cure is told at once; later it is an outage like others. */
  #isFinal(error: unknown): boolean {
    if (this.#hasBeenUp) return false;
    if (error instanceof UnknownPartitionError || isPermanent(error)) return true;
    const isUnknownTopic = error instanceof KafkaError && error.code === UNKNOWN_TOPIC;
    return isUnknownTopic && this.#failedAttempts >= MAX_UNKNOWN_AT_START;
  }

  #finalError(cause: unknown): BusError {
    if (cause instanceof BusError) return cause;
    return new BusError(`Cannot follow Kafka topic "${this.#cluster.topic}": ${reasonOf(cause)}`, { cause });
  }
}

/** A position of a partition that the topic does not have. */
class UnknownPartitionError extends BusError {
  constructor(topic: string, partition: number, count: number) {
    super(`Cannot follow partition ${partition} of Kafka topic "${topic}": it has ${count} partitions.`);
  }
}
