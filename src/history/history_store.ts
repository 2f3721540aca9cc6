import type { Offset } from "../model/position.ts";
import type { Frame } from "../wire/frame.ts";

/** What was made of a run of records. */
export interface HistoryEntry {
  /** The last one of the run. */
  readonly offset: Offset;
  /** All that the log has for anyone from here to `offset` is in `frames`: what proves that no entry is missing before this one. */
  readonly from: Offset;
  /** When the writer took in the first of them: milliseconds since 1970. */
  readonly atMs: number;
  /** Minimised, in the order of the log; none where nobody may see the records. */
  readonly frames: readonly StoredFrame[];
}

/** What of a frame is kept: all but its place in a node and its cursor, which each replay gives it anew. */
export type StoredFrame = Pick<
  Frame,
  "offset" | "scope" | "event" | "audience" | "priority" | "conflationKey" | "bytes" | "bodyStart"
>;

/** An entry on its way to the log of its key. */
export interface KeyedEntry {
  readonly key: string;
  readonly entry: HistoryEntry;
  /** Of its frames. */
  readonly bytes: number;
}

/** An entry as it was found; `entry` is `undefined` when it cannot be read, which is a break. */
export interface FoundEntry {
  readonly offset: Offset;
  readonly entry: HistoryEntry | undefined;
}

/**
 * Where entries lie: logs by key, each in the order of its offsets. Every call rejects with a {@link StoreFailure} when it
 * was not, or perhaps not, done.
 */
export interface HistoryStore {
  /** Adds what is behind the newest entry of its log; what is not is there already, or comes too late: no error. */
  append(batch: readonly KeyedEntry[]): Promise<void>;
  /** Entries from an offset on, oldest first; `isLast` when there are no more behind them. */
  page(key: string, from: Offset): Promise<{ readonly found: readonly FoundEntry[]; readonly isLast: boolean }>;
  /** The newest entry of a log; `undefined` when there is none. */
  newest(key: string): Promise<FoundEntry | undefined>;
  /** Deletes the log. */
  clear(key: string): Promise<void>;
  /** Lets go of entries that were taken in before a time. */
  trim(key: string, beforeMs: number): Promise<void>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
}

/** The store did not do what it was asked. */
export class StoreFailure extends Error {
  override readonly name = "StoreFailure";
  /** `down`: no answer. `read-only`: a replica. `refused`: it answered with an error. */
  readonly kind: "down" | "read-only" | "refused";

  constructor(kind: "down" | "read-only" | "refused", message: string) {
    super(message);
    this.kind = kind;
  }
}
