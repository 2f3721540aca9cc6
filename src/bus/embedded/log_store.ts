import type { BusRecord } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import type { PublishRecord } from "../event_bus.ts";

/** Where the embedded log keeps its records. Offsets are dense: the next record of a partition gets `next`. */
export interface LogStore {
  readonly durability: "memory" | "disk";
  /** Identity of this incarnation of the log. */
  readonly epoch: string;
  readonly partitionCount: number;

  limits(partition: number): StoreLimits;

  /** Records from `from`, at most up to `to`, as many as make a good batch; at least one when `first <= from < to <= next`. */
  read(partition: number, from: Offset, to: Offset): readonly BusRecord[];

  /**
   * Appends all or none and resolves with the offsets in the order given, when they are as safe as `durability` says.
   * A store that can do so at once has appended before it returns.
   */
  append(records: readonly PlacedRecord[]): Promise<readonly Offset[]>;

  /** Forgets what retention no longer allows; publishing does it too, but time passes without publishes. */
  trim(): void;

  /** Told after every change of the limits. */
  onChange: () => void;

  close(): Promise<void>;
}

export interface StoreLimits {
  readonly first: Offset;
  readonly next: Offset;
}

export interface PlacedRecord {
  readonly partition: number;
  readonly record: PublishRecord;
}

/** What one partition may hold; the oldest records go first. */
export interface LogRetention {
  readonly maxRecords: number;
  /** Of keys, values and headers, with {@link RECORD_OVERHEAD_BYTES} for each record. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** What a record costs besides its bytes: objects, offset and timestamp. Keeps a flood of empty records within `maxBytes`. */
export const RECORD_OVERHEAD_BYTES = 200;

/** A batch is large enough to make its overhead disappear and small enough not to hold up the event loop. */
export const MAX_BATCH_RECORDS = 500;
/** Soft: a batch ends with the record that reaches it. */
export const MAX_BATCH_BYTES = 1024 * 1024;

/** What a record counts against `maxBytes`. */
export function sizeOfRecord(record: Pick<PublishRecord, "key" | "headers"> & { readonly value: Uint8Array | null }) {
  let bytes = RECORD_OVERHEAD_BYTES + (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
  if (record.headers) { for (const [name, value] of record.headers) bytes += name.length + value.byteLength; }
  return bytes;
}
