import type { EncodedRow, EncodeRow, OutboxRow } from "../outbox/outbox_row.ts";
import { OUTBOX_HEADER } from "../outbox/outbox_row.ts";
import { parseExactJSON } from "../pipeline/exact_json.ts";
import { decodeNativeRecord, encodeNativeRecord } from "../pipeline/native_record.ts";

const encoder = new TextEncoder();

/** Makes native records of rows, in the limits that the pipeline will hold them to. */
export function outboxRecords(maxScopes: number, maxRecordBytes: number): EncodeRow {
  return (row) => encodeRow(row, maxScopes, maxRecordBytes);
}

function encodeRow(row: OutboxRow, maxScopes: number, maxRecordBytes: number): EncodedRow {
  const { event, scopes, audience, priority, version, time, conflationKey } = row;
  const tooLarge = (bytes: number) => invalid(`is too large: ${bytes} bytes, at most ${maxRecordBytes} may be`);
  if (row.dataBytes > maxRecordBytes) return tooLarge(row.dataBytes);
  const native = decodeNativeRecord({
    event,
    scopes,
    audience,
    data: row.data === null ? null : parseExactJSON(row.data),
    time,
    priority,
    version,
    ...(conflationKey === null ? {} : { conflationKey }),
  }, maxScopes);
  if (typeof native === "string") return invalid(native);
  const value = encodeNativeRecord(native);
  if (value.byteLength > maxRecordBytes) return tooLarge(value.byteLength);
  const orderKey = native.scopes[0] ?? "";
  const headers = new Map([[OUTBOX_HEADER, encoder.encode(row.recordID)]]);
  return { kind: "record", orderKey, record: { key: encoder.encode(orderKey), value, headers } };
}

function invalid(reason: string): EncodedRow {
  return { kind: "invalid", reason: `the row ${reason}` };
}
