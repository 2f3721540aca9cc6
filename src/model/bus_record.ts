import type { GapReason } from "./gap.ts";
import type { Offset } from "./position.ts";

/** Raw item of a bus, before the pipeline. */
export interface BusRecord {
  readonly offset: Offset;
  /** Milliseconds since 1970, as the middleware has it. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  /** `null` is a tombstone. */
  readonly value: Uint8Array | null;
  /** Header names (of a Redis entry: its other fields) to their last value. */
  readonly headers: ReadonlyMap<string, Uint8Array>;
}

/** What reading a part of one partition yields. */
export type RangeEvent =
  /** Records in offset order (none where the log has holes); the partition is complete up to `next`. */
  | {
    readonly kind: "records";
    readonly partition: number;
    readonly records: readonly BusRecord[];
    readonly next: Offset;
  }
  /** `[from, next)` can no longer be read. `lost` is the number of records in it, `null` when nobody can know. */
  | {
    readonly kind: "gap";
    readonly partition: number;
    readonly from: Offset;
    readonly next: Offset;
    readonly reason: GapReason;
    readonly lost: number | null;
  };
