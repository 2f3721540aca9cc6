import type { BusRecord } from "../model/bus_record.ts";

/** A record whose envelope is off: what rules read. */
export interface OpenedRecord {
  readonly record: BusRecord;
  /** The payload: any JSON value. */
  readonly data: unknown;
  /** What the envelope says besides: `type`, `id`, `source`, `subject`, `time`, …; empty for plain JSON. */
  readonly envelope: ReadonlyMap<string, string>;
  /** True when {@link data} was read with exact integers (bigint) already. */
  readonly exact: boolean;
  /** Set by whoever uses a number that reading may have rounded; the record is then read again, exactly. */
  isInexact: boolean;
}
