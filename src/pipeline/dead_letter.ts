import type { BusRecord } from "../model/bus_record.ts";
import { formatOffset, type OffsetFormat } from "../model/position.ts";
import { formatTimeMs } from "./event_time.ts";
import type { DeadLetterReason } from "./mapping_outcome.ts";
import { decodeText } from "./record_text.ts";

/** A record that could not be mapped, for people who look into it and programs that try again. Plain JSON. */
export interface DeadLetter {
  readonly source: string;
  readonly partition: number;
  /** As it stands in event IDs. */
  readonly offset: string;
  /** The record's own time, RFC 3339; `null` when it has none. */
  readonly time: string | null;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly key: OriginalBytes | null;
  readonly headers: readonly ({ readonly name: string } & OriginalBytes)[];
  /** How many headers there were; fewer are kept when they are many or large. */
  readonly headerCount: number;
  readonly value: OriginalBytes | null;
}

/** Bytes as they came, possibly only their beginning: `text` when they are UTF-8, else `base64`. */
export type OriginalBytes =
  & { readonly byteLength: number; readonly isCut: boolean }
  & ({ readonly text: string } | { readonly base64: string });

/** What a dead letter is about. */
export interface DeadLetterCause {
  readonly source: string;
  readonly partition: number;
  readonly offsetFormat: OffsetFormat;
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/** Longest detail and header name that are kept, in UTF-16 code units. */
export const MAX_TEXT_LENGTH = 500;

/**
 * Makes the dead letter of a record. It keeps at most `maxOriginalBytes` of the value, and as many of key and headers
 * together, so that a dead letter of any record fits where the record did.
 */
export function createDeadLetter(cause: DeadLetterCause, record: BusRecord, maxOriginalBytes: number): DeadLetter {
  const { source, partition, offsetFormat, reason, detail } = cause;
  const key = record.key === null ? null : original(record.key, maxOriginalBytes);
  let leftBytes = maxOriginalBytes - Math.min(record.key?.byteLength ?? 0, maxOriginalBytes);
  const headers: DeadLetter["headers"][number][] = [];
  for (const [name, bytes] of record.headers) {
    if (leftBytes <= 0) break;
    headers.push({ name: name.slice(0, MAX_TEXT_LENGTH), ...original(bytes, leftBytes) });
    leftBytes -= name.length + bytes.byteLength;
  }
  return {
    source,
    partition,
    offset: formatOffset(record.offset, offsetFormat),
    time: formatTimeMs(record.timestampMs) ?? null,
    reason,
    detail: detail.slice(0, MAX_TEXT_LENGTH),
    key,
    headers,
    headerCount: record.headers.size,
    value: record.value === null ? null : original(record.value, maxOriginalBytes),
  };
}

/** The bytes that go to the dead letters' log: JSON on one line. */
export function encodeDeadLetter(letter: DeadLetter): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(letter));
}

function original(bytes: Uint8Array, maxBytes: number): OriginalBytes {
  const isCut = bytes.byteLength > maxBytes;
  const kept = isCut ? bytes.subarray(0, maxBytes) : bytes;
  const text = decodeText(isCut ? kept.subarray(0, characterBoundary(kept)) : kept);
  const about = { byteLength: bytes.byteLength, isCut };
  // Decoding takes a byte order mark away; a retry must publish the bytes as they came.
  const isExact = text !== undefined && !BYTE_ORDER_MARK.every((byte, index) => kept[index] === byte);
  return isExact ? { ...about, text } : { ...about, base64: base64Of(kept) };
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Where the last whole UTF-8 character ends: a cut may have left up to three bytes of another one. */
function characterBoundary(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    const isContinuation = (byte & 0b1100_0000) === 0b1000_0000;
    if (isContinuation) continue;
    const needed = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function base64Of(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
