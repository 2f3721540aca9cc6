import type { GapReason } from "../../src/model/gap.ts";
import type { Offset, OffsetFormat } from "../../src/model/position.ts";
import type { Priority } from "../../src/model/sse_message.ts";
import type { Block } from "./event_stream_parser.ts";

/** What really was in the logs: what clients' histories are judged by. */
export interface Truth {
  readonly sources: readonly SourceTruth[];
  readonly replayLimits: {
    readonly maxEvents: number;
    readonly maxScannedRecords: number;
    /** Whether limits that the logs do not show are small, in bytes or in age: then any replay may have met one. */
    readonly hasOthers?: boolean;
  };
}

export interface SourceTruth {
  readonly source: string;
  readonly format: OffsetFormat;
  /** Every incarnation of the log, the newest last. */
  readonly epochs: readonly EpochTruth[];
}

export interface EpochTruth {
  readonly epoch: string;
  /** By partition number. */
  readonly partitions: readonly PartitionTruth[];
}

export interface PartitionTruth {
  /** Everything that was accepted, in offset order. */
  readonly records: readonly AcceptedRecord[];
  /** What was accepted, and taken back by the log itself: it ended before them once, and gives their offsets a second time. */
  readonly takenBack?: readonly AcceptedRecord[];
  /** Offsets below it can no longer be read. */
  readonly first: Offset;
  /** Where it began before, the oldest first, as far as that is known: nothing of it was gone until that moment. */
  readonly begunAt?: readonly { readonly first: Offset; readonly until: number }[];
  /** The offset after the last record. */
  readonly next: Offset;
}

export interface AcceptedRecord {
  readonly offset: Offset;
  /** What the pipeline makes of it; `undefined` for a record that is for nobody. */
  readonly event: AcceptedEvent | undefined;
}

export interface AcceptedEvent {
  /** The `key` of its data: unique in the whole run, but for copies of one event that were written at least once. */
  readonly key: string;
  readonly event: string;
  readonly scopes: readonly string[];
  readonly audience: readonly string[];
  readonly priority: Priority;
  readonly conflationKey: string | undefined;
}

/** All that one client asked for and got, over all its streams. */
export interface ClientHistory {
  readonly name: string;
  readonly scopes: readonly string[];
  /** Exact names or `domain.*`; none for all. */
  readonly patterns: readonly string[];
  readonly grants: ReadonlySet<string>;
  readonly streams: readonly StreamHistory[];
}

/** A block, and the moment at which the client looked at it, where that is known; see `nextMoment`. */
export interface SeenBlock extends Block {
  readonly seenAt?: number;
}

/** One stream: how it was asked for and what of it the client has read. */
export interface StreamHistory {
  /** What was sent as `Last-Event-ID`. */
  readonly cursor: string | undefined;
  readonly blocks: readonly SeenBlock[];
  /** Gap reasons that something outside the logs makes legitimate, such as `source-reset` when a history read failed. */
  readonly excused: ReadonlySet<GapReason>;
  /** Whether the client ever kept the gateway waiting: only then may events be shed or conflated. */
  readonly wasSlow: boolean;
}
