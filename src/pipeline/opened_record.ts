import type { BusRecord } from "../model/bus_record.ts";

/** A record whose envelope is off: what rules read. */
export interface OpenedRecord {
  readonly record: BusRecord;
  /** The payload: any JSON value. */
  readonly data: unknown;
  /** `undefined` where there is none: plain JSON. */
  readonly envelope: Envelope | undefined;
  /** Set by whoever uses a number that reading may have rounded; the record is then read again, exactly. */
  isInexact: boolean;
}

/**
 * What the envelope says besides the data: `type`, `id`, `source`, `subject`, `time`, …; `undefined` for an attribute
 * that it does not have. Asked one by one, because rules use two of a dozen.
 */
export type Envelope = (attribute: string) => string | undefined;
