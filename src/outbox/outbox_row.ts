/** One row of the outbox as the relay reads it; nothing of it is checked yet, for any application may write there. */
export interface OutboxRow {
  /** Order of the rows; unique in the table. */
  readonly id: bigint;
  /** Identity of the record for ever, over truncated and restored tables too: a UUID. */
  readonly recordID: string;
  readonly event: string;
  readonly scopes: readonly unknown[];
  readonly audience: readonly unknown[];
  /** JSON text; `null` where the column is null, and where it is longer than was asked for. */
  readonly data: string | null;
  /** Length of the JSON text in UTF-8. */
  readonly dataBytes: number;
  readonly priority: string;
  readonly conflationKey: string | null;
  readonly version: number;
  /** When it was inserted: RFC 3339, UTC, milliseconds; `null` for a time that has none, such as `infinity`. */
  readonly time: string | null;
}

/** Header of a published record that holds {@link OutboxRow.recordID}: equal in every copy of one row. */
export const OUTBOX_HEADER = "tidegate-outbox-id";

/** What the relay hands to a bus. */
export interface OutboxRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly headers: ReadonlyMap<string, Uint8Array>;
}

/** What a row is on the bus, or why it can never be there. Records of one order key keep the order of their rows. */
export type EncodedRow =
  | { readonly kind: "record"; readonly orderKey: string; readonly record: OutboxRecord }
  | { readonly kind: "invalid"; readonly reason: string };

/** Checks and encodes one row; pure. */
export type EncodeRow = (row: OutboxRow) => EncodedRow;

/** What the relay needs of a bus. */
export interface OutboxBus {
  readonly source: string;
  /** All records or none; resolves when the middleware took them. */
  publish(records: readonly OutboxRecord[]): Promise<unknown>;
  /** Whether the middleware answers at all; never rejects. */
  isReachable(): Promise<boolean>;
}
