import type { EncodedRow, EncodeRow, OutboxRow } from "../outbox/outbox_row.ts";
import { OUTBOX_HEADER } from "../outbox/outbox_row.ts";
import type { EventEncoder } from "../pipeline/event_encoder.ts";
import { parseExactJSON } from "../pipeline/exact_json.ts";
import { decodeNativeRecord } from "../pipeline/native_record.ts";

const encoder = new TextEncoder();

/** Makes native records of rows, and refuses those that this gateway would withhold when it reads them back. */
export function outboxRecords(encodeEvent: EventEncoder, maxScopes: number, maxRecordBytes: number): EncodeRow {
  return (row) => encodeRow(row, encodeEvent, maxScopes, maxRecordBytes);
}

function encodeRow(row: OutboxRow, encodeEvent: EventEncoder, maxScopes: number, maxRecordBytes: number): EncodedRow {
  const { event, scopes, audience, priority, version, time, conflationKey } = row;
  if (row.dataBytes > maxRecordBytes) {
    return invalid(`is too large: ${row.dataBytes} bytes, at most ${maxRecordBytes} may be`);
  }
  const data = dataOf(row);
  if (data === undefined) return invalid("is nested too deep to be read");
  const native = decodeNativeRecord({
    event,
    scopes,
    audience,
    data,
    time,
    priority,
    version,
    ...(conflationKey === null ? {} : { conflationKey }),
  }, maxScopes);
  if (typeof native === "string") return invalid(native);
  const encoded = encodeEvent(native);
  if (encoded.kind === "undeliverable") return invalid(`cannot be delivered (${encoded.reason}): ${encoded.detail}`);
  const { value } = encoded;
  const orderKey = native.scopes[0] ?? "";
  const headers = new Map([[OUTBOX_HEADER, encoder.encode(row.recordID)]]);
  return { kind: "record", orderKey, record: { key: encoder.encode(orderKey), value, headers } };
}

/** `undefined` where it is nested deeper than the stack: PostgreSQL takes more than can be read here. */
function dataOf({ data }: OutboxRow): unknown {
  try {
    return data === null ? null : parseExactJSON(data);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function invalid(reason: string): EncodedRow {
  return { kind: "invalid", reason: `the row ${reason}` };
}
