import type { RecordFormat } from "../config/mapping_schema.ts";
import type { BusRecord } from "../model/bus_record.ts";
import { isStructuredCloudEvent, openBinaryCloudEvent, openStructuredCloudEvent } from "./cloudevents.ts";
import { isChangeRecord, isOutboxRecord, openChangeRecord, openOutboxRecord } from "./debezium_outbox.ts";
import { parseExactJSON } from "./exact_json.ts";
import { deadLetter, withheld } from "./mapping_outcome.ts";
import type { Envelope, OpenedRecord } from "./opened_record.ts";
import { decodeText } from "./record_text.ts";

/** What an envelope holds, and says. */
export interface OpenedEnvelope {
  readonly data: unknown;
  readonly envelope: Envelope | undefined;
}

/** Reads JSON text, with exact integers or fast; throws SyntaxError. */
export type ParseJSON = (text: string) => unknown;

/**
 * Decodes a record's value and takes its envelope off. Pure; reading exactly costs three times as much and is asked
 * for only where {@link OpenedRecord.isInexact} showed that it matters.
 *
 * @throws Unmappable
 */
export function openRecord(
  record: BusRecord,
  format: RecordFormat,
  maxRecordBytes: number,
  exact: boolean,
): OpenedRecord {
  const { value } = record;
  if (value === null) throw withheld("tombstone");
  if (value.byteLength > maxRecordBytes) {
    throw deadLetter("too-large", `${value.byteLength} bytes, at most ${maxRecordBytes} may be`);
  }
  const parse: ParseJSON = exact ? parseExactJSON : JSON.parse;
  const content = parseValue(value, parse);
  const { data, envelope } = openEnvelope(record, content, format, parse);
  return { record, data, envelope, isInexact: false };
}

function parseValue(value: Uint8Array, parse: ParseJSON): unknown {
  const text = decodeText(value);
  if (text === undefined) throw deadLetter("not-utf8", `${value.byteLength} bytes that are not UTF-8`);
  try {
    return parse(text);
  } catch (error) {
    // V8's message would quote the record; only what kind of failure it is may be told.
    throw deadLetter("not-json", error instanceof RangeError ? "nested too deep to be read" : "the value is not JSON");
  }
}

function openEnvelope(record: BusRecord, content: unknown, format: RecordFormat, parse: ParseJSON): OpenedEnvelope {
  const { headers } = record;
  if (format === "json" || format === "tidegate") return { data: content, envelope: undefined };
  if (format !== "debezium-outbox") {
    if (headers.has("ce_specversion")) return openBinaryCloudEvent(content, headers);
    if (isStructuredCloudEvent(content)) return openStructuredCloudEvent(content, parse);
    if (format === "cloudevents") throw deadLetter("invalid-envelope", "no CloudEvents attributes in value or headers");
  }
  if (isChangeRecord(content)) return openChangeRecord(content, parse);
  if (isOutboxRecord(headers, format)) return openOutboxRecord(record, content, parse);
  if (format === "debezium-outbox") {
    throw deadLetter("invalid-envelope", "neither an outbox record nor a change record");
  }
  return { data: content, envelope: undefined };
}
