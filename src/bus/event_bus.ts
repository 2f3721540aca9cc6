import type { RangeEvent } from "../model/bus_record.ts";
import type { Offset, OffsetFormat } from "../model/position.ts";

/**
 * One source: an ordered, partitioned log that some middleware keeps. The whole gateway knows Kafka, Redis Streams
 * and the embedded log only through this port, and one contract test (`tests/contract`) runs against every
 * implementation on the real server.
 *
 * Two rules hold for every implementation. *Continuity is proved by position, never by offset + 1*: logs have honest
 * holes (transaction markers, compaction, deleted entries), so each event carries the offset that reading goes on
 * from. *Nothing is skipped in silence*: what can no longer be read is reported as a gap, a log that was created
 * anew as a new epoch.
 */
export interface EventBus extends AsyncDisposable {
  /** The configured name; first part of every event identity. */
  readonly source: string;
  readonly offsetFormat: OffsetFormat;
  /** What a resolved {@link EventBus.publish} means. */
  readonly durability: "memory" | "disk" | "redis" | "kafka";

  /**
   * The log's present limits. Rejects with a {@link BusError} when the middleware cannot be asked.
   *
   * @param tailRecords how many of the newest records {@link PartitionBounds.tail} shall leave; default 0
   */
  bounds(tailRecords?: number): Promise<LogBounds>;

  /**
   * Follows every partition, each from its position (the first offset wanted), a partition without one from its
   * first record. Calls the sink one event at a time and waits for it: a slow sink pauses the fetch, memory stays
   * flat. Outages and restarts are reported as `state`, retried with jittered back-off and never end it.
   *
   * A position beyond the log's end is the gap `ahead`, from the position to the log's end (its `next` is the
   * smaller one), where following goes on. So is what was read of a log that was cut back meanwhile: from where the
   * logs part all is read anew, also when the log has outgrown the position, as far as the middleware shows it (Kafka).
   *
   * Resolves when the signal is aborted or the bus is disposed of, after the last sink call; rejects only for what
   * waiting cannot cure (the log or a partition of `from` does not exist, access denied), and with what the sink
   * throws.
   */
  follow(from: ReadonlyMap<number, Offset>, sink: FollowSink, signal: AbortSignal): Promise<void>;

  /**
   * Reads one partition from `from` (included) to `to` (excluded), in order, and ends when `to` is proved reached:
   * the last event's `next` is `to`. Nothing to read (`from >= to`): no event. What of the range is beyond the log's
   * end is the gap `ahead`: to those who hold such a position, it is lost.
   * A consumer that stops early (`break`, `return`) frees everything. Rejects with a {@link BusError} when the
   * middleware fails or the signal is aborted.
   */
  readRange(partition: number, from: Offset, to: Offset, signal: AbortSignal): AsyncIterable<RangeEvent>;

  /**
   * Appends all records or none, however many bytes they are together, and resolves with their positions in the order
   * given, only after the middleware took them. Rejects with a {@link BusError}; `mayHaveBeenWritten` then says whether a
   * retry can duplicate, `isTooLarge` whether one of the records is what the middleware will never take.
   */
  publish(records: readonly PublishRecord[]): Promise<readonly PublishedPosition[]>;
}

/** Takes one event of a follow; what it returns is awaited before the next. */
export type FollowSink = (event: FollowEvent) => void | Promise<void>;

/** What following a log yields. */
export type FollowEvent =
  | RangeEvent
  /** Partitions that were not known before; following them starts at `first`. */
  | { readonly kind: "partitions-added"; readonly partitions: ReadonlyMap<number, PartitionBounds> }
  /** The log was created anew: every older position is void, following goes on from each `first`. */
  | { readonly kind: "epoch-changed"; readonly bounds: LogBounds }
  /** Once a change; the first event of a follow is `up` when the log is attached. */
  | { readonly kind: "state"; readonly state: "up" | "down"; readonly detail: string };

/** What a publisher hands in. Records of one key keep their order, in one partition. */
export interface PublishRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers?: ReadonlyMap<string, Uint8Array>;
}

export interface PublishedPosition {
  readonly partition: number;
  readonly offset: Offset;
}

export interface LogBounds {
  /**
   * Identity of this incarnation of the log, equal on every node and across restarts that keep the log
   * (Kafka: cluster and topic ID). A position from another epoch means nothing here.
   */
  readonly epoch: string;
  readonly partitions: ReadonlyMap<number, PartitionBounds>;
}

export interface PartitionBounds {
  /** First offset that can still be read; equal to `next` when the partition is empty. */
  readonly first: Offset;
  /** Where the newest records begin, as many as were asked for: between `first` and `next`. */
  readonly tail: Offset;
  /** The offset after the last readable record: where following "from now" begins. */
  readonly next: Offset;
}

/** A middleware said no, or nothing. Its message never holds a secret. */
export class BusError extends Error {
  override readonly name = "BusError";
  /** True when the request may have taken effect although it failed (a lost answer). */
  readonly mayHaveBeenWritten: boolean;
  /** True when a record is larger than the middleware takes: it never will, while those beside it may pass. */
  readonly isTooLarge: boolean;

  constructor(message: string, options?: { cause?: unknown; mayHaveBeenWritten?: boolean; isTooLarge?: boolean }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.mayHaveBeenWritten = options?.mayHaveBeenWritten ?? false;
    this.isTooLarge = options?.isTooLarge ?? false;
  }
}
