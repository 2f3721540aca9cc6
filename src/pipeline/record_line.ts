import type { BusRecord } from "../model/bus_record.ts";
import { parseExactJSON, stringifyExact } from "./exact_json.ts";

/** A record as a line of a file. */
export interface RecordLine {
  readonly source: string;
  readonly record: BusRecord;
}

const ENCODER = new TextEncoder();
const MEMBERS: ReadonlySet<string> = new Set(["source", "key", "headers", "value", "valueBase64", "timestampMs"]);

/**
 * Reads a record that somebody wrote down; a text says what is wrong.
 *
 *     {"source":"tasks","key":"t-1","headers":{"tenant":"a"},"timestampMs":1767225600000,"value":{…}}
 *
 * A `value` that is text is the record's text as it is (so that broken JSON can be tried), anything else its JSON;
 * `valueBase64` gives bytes that are no text. With a source given, the whole line is the value.
 */
export function readRecordLine(
  line: string,
  given: { readonly source?: string | undefined; readonly offset: bigint; readonly timestampMs: number },
): RecordLine | string {
  const { source, offset, timestampMs } = given;
  const none = { offset, timestampMs, key: null, headers: new Map<string, Uint8Array>() };
  if (source !== undefined) return { source, record: { ...none, value: ENCODER.encode(line) } };
  let written: unknown;
  try {
    written = parseExactJSON(line);
  } catch {
    return "is no JSON";
  }
  if (typeof written !== "object" || written === null || Array.isArray(written)) return "is no object";
  // A parsed JSON object has only string keys; each member is checked below.
  const members = written as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(members).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return `has the unknown member ${JSON.stringify(unknown)}`;
  if (typeof members.source !== "string") return "has no source; name one with --source, or write it as a member";
  const value = valueOf(members);
  if (typeof value === "string") return value;
  const headers = headersOf(members.headers ?? {});
  if (headers === undefined) return "has headers that are no object of texts";
  const { key = null, timestampMs: time = timestampMs } = members;
  if (key !== null && typeof key !== "string") return "has a key that is no text";
  if (typeof time !== "number") return "has a timestampMs that is no number";
  const record = { offset, timestampMs: time, key: key === null ? null : ENCODER.encode(key), headers, value };
  return { source: members.source, record };
}

function valueOf(members: Readonly<Record<string, unknown>>): Uint8Array | null | string {
  const { value, valueBase64 } = members;
  if (("value" in members) === ("valueBase64" in members)) return "needs either value or valueBase64";
  if (typeof valueBase64 === "string") {
    try {
      return Uint8Array.from(atob(valueBase64), (character) => character.charCodeAt(0));
    } catch {
      return "has a valueBase64 that is no base64";
    }
  }
  if (value === null) return null;
  return ENCODER.encode(typeof value === "string" ? value : stringifyExact(value));
}

function headersOf(value: unknown): ReadonlyMap<string, Uint8Array> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const headers = new Map<string, Uint8Array>();
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") return undefined;
    headers.set(name, ENCODER.encode(text));
  }
  return headers;
}
