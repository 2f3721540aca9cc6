import type { RangeEvent } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import { BusError } from "../event_bus.ts";
import { fetchRequest, NO_LEADER_EPOCH } from "./fetch_request.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { isPermanent, KafkaError, OFFSET_OUT_OF_RANGE } from "./kafka_error.ts";
import { eventOf, gapAt } from "./node_reader.ts";
import type { MetadataAnswer } from "./metadata_request.ts";
import { NodeConnections } from "./node_connections.ts";

/** The topic was deleted, or created anew: what the range was asked of is no longer there. */
const OTHER_TOPIC_CODES = new Set([3, 100, 103]);

/**
 * The few readers that all replays share. A reader is a connection to each broker that it has read from; one range uses
 * it at a time, the others wait in line.
 */
export class RangeReaders implements Disposable {
  readonly #cluster: KafkaCluster;
  readonly #idle: RangeReader[];
  readonly #all: readonly RangeReader[];
  readonly #waiting: ((reader: RangeReader) => void)[] = [];

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#all = Array.from({ length: cluster.settings.limits.replayReaders }, () => new RangeReader(cluster));
    this.#idle = [...this.#all];
  }

  /** See `EventBus.readRange`. */
  async *read(partition: number, from: Offset, to: Offset, signal: AbortSignal): AsyncGenerator<RangeEvent> {
    if (from >= to) return;
    const end = AbortSignal.any([signal, this.#cluster.closing]);
    const reader = await this.#acquire(partition, end);
    try {
      yield* reader.read(partition, from, to, end);
    } finally {
      this.#release(reader);
    }
  }

  [Symbol.dispose](): void {
    for (const reader of this.#all) reader.close();
  }

  async #acquire(partition: number, signal: AbortSignal): Promise<RangeReader> {
    const refuse = (why: string) => {
      throw new BusError(`Cannot read partition ${partition} of Kafka topic "${this.#cluster.topic}": ${why}.`);
    };
    if (signal.aborted) refuse("it was aborted");
    const reader = this.#idle.pop();
    if (reader !== undefined) return reader;
    const { maxWaitingRanges, rangeWaitTimeoutMs } = this.#cluster.settings.limits;
    if (this.#waiting.length >= maxWaitingRanges) refuse(`${maxWaitingRanges} ranges are waiting for a reader already`);
    const { promise, resolve } = Promise.withResolvers<RangeReader | null>();
    const giveUp = () => {
      const index = this.#waiting.indexOf(resolve);
      if (index >= 0) this.#waiting.splice(index, 1);
      resolve(null);
    };
    const timer = setTimeout(giveUp, rangeWaitTimeoutMs);
    signal.addEventListener("abort", giveUp);
    this.#waiting.push(resolve);
    const next = await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    return next ?? refuse(signal.aborted ? "it was aborted" : `no reader was free for ${rangeWaitTimeoutMs} ms`);
  }

  #release(reader: RangeReader): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(reader);
    else next(reader);
  }
}

class RangeReader {
  readonly #cluster: KafkaCluster;
  readonly #connections: NodeConnections;

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#connections = new NodeConnections(cluster);
  }

  async *read(partition: number, from: Offset, to: Offset, signal: AbortSignal): AsyncGenerator<RangeEvent> {
    const { limits } = this.#cluster.settings;
    const abort = () => this.#connections.reset("the range was aborted");
    signal.addEventListener("abort", abort);
    try {
      let position = from;
      let progressAtMs = performance.now();
      let topicId: string | null = null;
      for (let failures = 0; position < to;) {
        try {
          const metadata: MetadataAnswer = await this.#cluster.topicMetadata(failures > 0 ? 0 : Infinity);
          topicId ??= metadata.topicId;
          if (metadata.topicId !== topicId) throw new KafkaError(103);
          for (const event of await this.#fetch(metadata, partition, position, to)) {
            position = event.next;
            yield event;
            if (signal.aborted) throw signal.reason;
          }
          failures = 0;
          progressAtMs = performance.now();
        } catch (cause) {
          if (!signal.aborted && cause instanceof KafkaError && OTHER_TOPIC_CODES.has(cause.code)) {
            yield { kind: "gap", partition, from: position, next: to, reason: "epoch", lost: null };
            return;
          }
          const isLate = performance.now() - progressAtMs > limits.rangeWaitTimeoutMs;
          if (signal.aborted || isLate || isPermanent(cause)) throw this.#error(partition, signal, cause);
          await this.#cluster.backOff(++failures, Infinity, signal);
        }
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  close(): void {
    this.#connections.close("the range reader was closed");
  }

  /** One fetch: an event, or none when the broker had nothing yet but should. */
  async #fetch(metadata: MetadataAnswer, partition: number, position: Offset, to: Offset): Promise<RangeEvent[]> {
    const { limits } = this.#cluster.settings;
    const leader = metadata.partitions.get(partition)?.leader;
    if (leader === undefined) throw new KafkaError(3);
    const connection = await this.#connections.to(leader);
    // Whoever asks for a range knows no epoch: a position is all that a client's cursor holds.
    const from = { offset: position, leaderEpoch: NO_LEADER_EPOCH };
    const answer = await connection.request(
      fetchRequest({
        topicId: metadata.topicId,
        positions: new Map([[partition, from]]),
        maxWaitMs: limits.fetchMaxWaitMs,
        maxBytes: limits.maxBytesPerPartition,
        maxBytesPerPartition: limits.maxBytesPerPartition,
      }),
      limits.fetchMaxWaitMs + limits.requestTimeoutMs,
    );
    const fetched = answer.partitions[0];
    const errorCode = answer.errorCode !== 0 ? answer.errorCode : fetched?.errorCode ?? -1;
    if (fetched === undefined || (errorCode !== 0 && errorCode !== OFFSET_OUT_OF_RANGE)) {
      throw new KafkaError(errorCode);
    }
    if (errorCode === OFFSET_OUT_OF_RANGE) return [within(await gapAt(this.#cluster, partition, from), to)];
    const read = eventOf(fetched, from, to, this.#cluster);
    if (read !== undefined) return [within(read.event, to)];
    // The broker has waited for more and has none: the range ends beyond the log.
    return position >= fetched.lastStable ? [gapAhead(partition, position, to)] : [];
  }

  #error(partition: number, signal: AbortSignal, cause: unknown): BusError {
    const why = signal.aborted ? "it was aborted" : cause instanceof Error ? cause.message : String(cause);
    return new BusError(`Cannot read partition ${partition} of Kafka topic "${this.#cluster.topic}": ${why}`, {
      cause,
    });
  }
}

/** A range's gap never reaches beyond it; one that is ahead of the log covers all that is left. */
function within(event: RangeEvent, to: Offset): RangeEvent {
  if (event.kind === "records") return event;
  return event.reason === "ahead" || event.next > to ? { ...event, next: to } : event;
}

function gapAhead(partition: number, from: Offset, next: Offset): RangeEvent {
  return { kind: "gap", partition, from, next, reason: "ahead", lost: null };
}
