import type { RangeEvent } from "../../model/bus_record.ts";
import { MAX_INTEGER_OFFSET, type Offset } from "../../model/position.ts";
import { BusError } from "../event_bus.ts";
import { type FetchedPartition, type FetchPosition, fetchRequest, NO_LEADER_EPOCH } from "./fetch_request.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaError, OFFSET_OUT_OF_RANGE } from "./kafka_error.ts";
import { kafkaLog } from "./kafka_log.ts";
import { decodeBatches } from "./record_batch.ts";

/** What one node's partitions are read for. */
export interface NodeReaderTask {
  readonly nodeId: number;
  readonly topicId: string;
  /** The partitions that this node leads now, each with where it goes on; asked before every fetch. */
  positions(): ReadonlyMap<number, FetchPosition>;
  /** Takes what was read and moves the partition's position behind it; awaited before the next fetch. */
  deliver(read: ReadEvent): Promise<void>;
}

/** What was read, and the leader epoch of the last of it: the one to go on with. */
export interface ReadEvent {
  readonly event: RangeEvent;
  readonly leaderEpoch: number;
}

/**
 * Reads the partitions that one broker leads, over a connection of its own, until it fails or is stopped. It never
 * retries by itself: who started it knows what the other brokers say.
 */
export class NodeReader {
  readonly nodeId: number;
  /** Settles with the first answer: what was read waits until {@link release}. */
  readonly attached: Promise<void>;
  /** Settles when it ended: with the error, or `null` when it was stopped or has no partition left. */
  readonly ended: Promise<unknown>;
  readonly #cluster: KafkaCluster;
  readonly #task: NodeReaderTask;
  readonly #stopping = new AbortController();
  readonly #attached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  #rotation = 0;

  constructor(cluster: KafkaCluster, task: NodeReaderTask) {
    this.nodeId = task.nodeId;
    this.#cluster = cluster;
    this.#task = task;
    this.attached = this.#attached.promise;
    this.ended = this.#read().then(() => null, (error) => this.#stopping.signal.aborted ? null : error);
    this.ended.then((error) => this.#attached.reject(error ?? new BusError("Cannot attach: it was stopped")));
    this.attached.catch(() => {});
  }

  /** Lets it deliver. Until then it has only asked. */
  release(): void {
    this.#released.resolve();
  }

  /** Stops it at once, in the middle of a fetch too; {@link ended} settles after the last delivery. */
  stop(): void {
    this.#stopping.abort();
    this.#released.resolve();
  }

  async #read(): Promise<void> {
    const { limits } = this.#cluster.settings;
    const { signal } = this.#stopping;
    const connection = await this.#cluster.connect(this.#task.nodeId, signal);
    const stop = () => connection.close("it was stopped");
    signal.addEventListener("abort", stop);
    try {
      // The first one does not wait for records: it is to tell whether the broker answers.
      for (let maxWaitMs = 0; !signal.aborted; maxWaitMs = limits.fetchMaxWaitMs) {
        const positions = this.#rotated();
        if (positions.size === 0) break;
        const { topicId } = this.#task;
        const { maxBytesPerFetch: maxBytes, maxBytesPerPartition } = limits;
        const answer = await connection.request(
          fetchRequest({ topicId, positions, maxWaitMs, maxBytes, maxBytesPerPartition }),
          maxWaitMs + limits.requestTimeoutMs,
        );
        if (answer.errorCode !== 0) throw new KafkaError(answer.errorCode);
        const reads: ReadEvent[] = [];
        for (const fetched of answer.partitions) {
          const read = await this.#eventOf(fetched, positions.get(fetched.partition));
          if (read !== undefined) reads.push(read);
        }
        this.#attached.resolve();
        await this.#released.promise;
        for (const read of reads) {
          if (!signal.aborted) await this.#task.deliver(read);
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
      connection.close("it is no longer needed");
    }
  }

  /** The broker fills its answer in the order asked: every partition gets to be the first in turn. */
  #rotated(): ReadonlyMap<number, FetchPosition> {
    const positions = [...this.#task.positions()];
    const first = positions.length === 0 ? 0 : this.#rotation++ % positions.length;
    return new Map([...positions.slice(first), ...positions.slice(0, first)]);
  }

  async #eventOf(fetched: FetchedPartition, position: FetchPosition | undefined): Promise<ReadEvent | undefined> {
    if (position === undefined) return undefined;
    const { partition, errorCode, diverging } = fetched;
    const { offset } = position;
    if (errorCode === OFFSET_OUT_OF_RANGE) {
      return { event: await gapAt(this.#cluster, partition, position), leaderEpoch: NO_LEADER_EPOCH };
    }
    if (errorCode !== 0) throw new KafkaError(errorCode);
    if (diverging !== null) return cutBack(partition, offset, diverging);
    return eventOf(fetched, position, MAX_INTEGER_OFFSET, this.#cluster);
  }
}

/** What a fetch of one partition yields up to `end`; `undefined` when it brought nothing new. */
export function eventOf(
  fetched: FetchedPartition,
  position: FetchPosition,
  end: Offset,
  cluster: KafkaCluster,
): ReadEvent | undefined {
  const { partition } = fetched;
  const { offset } = position;
  const decoded = decodeBatches(fetched, offset, end, cluster.settings.limits.maxBytesPerBatch);
  if (decoded.next > offset) {
    const event = { kind: "records", partition, records: decoded.records, next: decoded.next } as const;
    return { event, leaderEpoch: decoded.leaderEpoch ?? position.leaderEpoch };
  }
  if (decoded.unreadable === null) return undefined;
  const { next, cause } = decoded.unreadable;
  kafkaLog.error("Cannot read a batch of Kafka topic {topic}, partition {partition}, offset {position}: {cause}", {
    topic: cluster.topic,
    partition,
    position: String(offset),
    cause,
  });
  const event = { kind: "gap", partition, from: offset, next, reason: "source-reset", lost: null } as const;
  // What its damaged header says of its epoch is nothing to compare with.
  return { event, leaderEpoch: NO_LEADER_EPOCH };
}

/**
 * The leader's log is another one from somewhere below the position on (an unclean election): offsets are given a second
 * time, and all from there on is read anew. Where the leader never had the position's epoch, the one before may end
 * beyond the position, and nobody knows where in between they part: then it is told, and reading goes on.
 */
function cutBack(partition: number, from: Offset, { offset, leaderEpoch }: FetchPosition): ReadEvent {
  const next = offset < from ? offset : from;
  return { event: { kind: "gap", partition, from, next, reason: "ahead", lost: null }, leaderEpoch };
}

/** Why a position is out of range, and where reading goes on. The log has honest holes: nobody can count what is lost. */
export async function gapAt(cluster: KafkaCluster, partition: number, position: FetchPosition): Promise<RangeEvent> {
  const { offset: from, leaderEpoch } = position;
  const limits = (await cluster.limits([partition])).get(partition);
  if (limits !== undefined && from < limits.first) {
    return { kind: "gap", partition, from, next: limits.first, reason: "retention", lost: null };
  }
  if (limits !== undefined && from > limits.next) {
    return { kind: "gap", partition, from, next: limits.next, reason: "ahead", lost: null };
  }
  // The leader has never had an epoch as high: the log was restored from a backup, and they count anew.
  if (leaderEpoch !== NO_LEADER_EPOCH) {
    return { kind: "gap", partition, from, next: from, reason: "ahead", lost: null };
  }
  // The log has changed between the two answers.
  throw new KafkaError(OFFSET_OUT_OF_RANGE);
}
