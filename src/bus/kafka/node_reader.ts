import type { RangeEvent } from "../../model/bus_record.ts";
import { MAX_INTEGER_OFFSET, type Offset } from "../../model/position.ts";
import { BusError } from "../event_bus.ts";
import { type FetchedPartition, fetchRequest } from "./fetch_request.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaError, OFFSET_OUT_OF_RANGE } from "./kafka_error.ts";
import { kafkaLog } from "./kafka_log.ts";
import { decodeBatches } from "./record_batch.ts";

/** What one node's partitions are read for. */
export interface NodeReaderTask {
  readonly nodeId: number;
  readonly topicId: string;
  /** The partitions that this node leads now, each with the first offset wanted; asked before every fetch. */
  positions(): ReadonlyMap<number, Offset>;
  /** Takes an event and moves the partition's position to its `next`; awaited before the next fetch. */
  deliver(event: RangeEvent): Promise<void>;
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
        const events: RangeEvent[] = [];
        for (const fetched of answer.partitions) {
          const event = await this.#eventOf(fetched, positions.get(fetched.partition));
          if (event !== undefined) events.push(event);
        }
        this.#attached.resolve();
        await this.#released.promise;
        for (const event of events) {
          if (!signal.aborted) await this.#task.deliver(event);
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
      connection.close("it is no longer needed");
    }
  }

  /** The broker fills its answer in the order asked: every partition gets to be the first in turn. */
  #rotated(): ReadonlyMap<number, Offset> {
    const positions = [...this.#task.positions()];
    const first = positions.length === 0 ? 0 : this.#rotation++ % positions.length;
    return new Map([...positions.slice(first), ...positions.slice(0, first)]);
  }

  async #eventOf(fetched: FetchedPartition, position: Offset | undefined): Promise<RangeEvent | undefined> {
    if (position === undefined) return undefined;
    if (fetched.errorCode === OFFSET_OUT_OF_RANGE) return await gapAt(this.#cluster, fetched.partition, position);
    if (fetched.errorCode !== 0) throw new KafkaError(fetched.errorCode);
    return eventOf(fetched, position, MAX_INTEGER_OFFSET, this.#cluster);
  }
}

/** What a fetch of one partition yields up to `end`; `undefined` when it brought nothing new. */
export function eventOf(
  fetched: FetchedPartition,
  position: Offset,
  end: Offset,
  cluster: KafkaCluster,
): RangeEvent | undefined {
  const { partition } = fetched;
  const decoded = decodeBatches(fetched, position, end, cluster.settings.limits.maxBytesPerBatch);
  if (decoded.next > position) return { kind: "records", partition, records: decoded.records, next: decoded.next };
  if (decoded.unreadable === null) return undefined;
  const { next, cause } = decoded.unreadable;
  kafkaLog.error("Cannot read a batch of Kafka topic {topic}, partition {partition}, offset {position}: {cause}", {
    topic: cluster.topic,
    partition,
    position: String(position),
    cause,
  });
  return { kind: "gap", partition, from: position, next, reason: "source-reset", lost: null };
}

/** Why a position is out of range, and where reading goes on. The log has honest holes: nobody can count what is lost. */
export async function gapAt(cluster: KafkaCluster, partition: number, position: Offset): Promise<RangeEvent> {
  const limits = (await cluster.limits([partition])).get(partition);
  if (limits !== undefined && position < limits.first) {
    return { kind: "gap", partition, from: position, next: limits.first, reason: "retention", lost: null };
  }
  if (limits !== undefined && position > limits.next) {
    return { kind: "gap", partition, from: position, next: limits.next, reason: "ahead", lost: null };
  }
  // The log has changed between the two answers.
  throw new KafkaError(OFFSET_OUT_OF_RANGE);
}
