import type { RecordFormat } from "../config/mapping_schema.ts";
import type { BusRecord } from "../model/bus_record.ts";
import { deadLetter, withheld } from "./mapping_outcome.ts";
import type { OpenedEnvelope, ParseJSON } from "./open_record.ts";
import { decodedOnce } from "./record_text.ts";

type JSONObject = Readonly<Record<string, unknown>>;

/** Attribute → headers in which the event router, or a common setting of it, puts it. */
const HEADERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["id", ["id"]],
  ["type", ["eventType", "type"]],
  ["aggregatetype", ["aggregateType", "aggregatetype"]],
  ["subject", ["aggregateId", "aggregateid"]],
]);

/** Attribute → columns of an outbox row: Debezium's default names, and the same with underscores. */
const COLUMNS: ReadonlyMap<string, readonly string[]> = new Map([
  ["id", ["id"]],
  ["type", ["type", "event_type"]],
  ["aggregatetype", ["aggregatetype", "aggregate_type"]],
  ["subject", ["aggregateid", "aggregate_id"]],
]);

/**
 * Whether the record came through Debezium's outbox event router: it writes the row's `id` as a header, and the event
 * type as `eventType` (`table.fields.additional.placement=type:header:eventType`). A source that is declared as outbox
 * needs only the first.
 */
export function isOutboxRecord(headers: ReadonlyMap<string, Uint8Array>, format: RecordFormat): boolean {
  return headers.has("id") && (format === "debezium-outbox" || headers.has("eventType"));
}

/** Opens an outbox event router's record: key is the aggregate's id, headers tell type and id, the value the payload. */
export function openOutboxRecord(record: BusRecord, content: unknown, parse: ParseJSON): OpenedEnvelope {
  const envelope = decodedOnce((attribute) => {
    const header = HEADERS.get(attribute)?.find((name) => record.headers.has(name));
    if (header !== undefined) return record.headers.get(header);
    return attribute === "subject" && record.key !== null ? record.key : undefined;
  });
  return { data: openPayload(withoutSchema(content), parse), envelope };
}

/** Whether the value is a raw Debezium change record, with or without its schema part. */
export function isChangeRecord(content: unknown): boolean {
  const change = withoutSchema(content);
  return isObject(change) && "after" in change && typeof change.op === "string" && isObject(change.source) &&
    typeof change.source.connector === "string";
}

/**
 * Opens a raw change record: the data is the row after the change; of an outbox row, its payload.
 *
 * @throws Unmappable dropped (`delete`): an outbox row is deleted once it is published, and nothing is left to send
 */
export function openChangeRecord(content: unknown, parse: ParseJSON): OpenedEnvelope {
  const change = withoutSchema(content);
  if (!isObject(change)) throw deadLetter("invalid-envelope", "the change record is no object");
  const row = change.after;
  if (!isObject(row)) throw withheld("delete");
  const isOutboxRow = "payload" in row && ("aggregatetype" in row || "aggregate_type" in row);
  const envelope = (attribute: string) => {
    if (attribute === "op") return scalarText(change.op);
    if (attribute === "table") return isObject(change.source) ? scalarText(change.source.table) : undefined;
    const column = isOutboxRow ? COLUMNS.get(attribute)?.find((name) => Object.hasOwn(row, name)) : undefined;
    return column === undefined ? undefined : scalarText(row[column]);
  };
  return { data: isOutboxRow ? openPayload(row.payload, parse) : row, envelope };
}

/** Connect's JsonConverter wraps values as `{schema, payload}` when schemas are enabled. */
function withoutSchema(content: unknown): unknown {
  return isObject(content) && "payload" in content && ("schema" in content || Object.keys(content).length === 1)
    ? content.payload
    : content;
}

/** A JSON column arrives as text, unless `expand.json.payload` is on. */
function openPayload(payload: unknown, parse: ParseJSON): unknown {
  if (typeof payload !== "string") return payload;
  try {
    return parse(payload);
  } catch {
    throw deadLetter("invalid-envelope", "the payload of the outbox record is no JSON");
  }
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "bigint" || Number.isSafeInteger(value) ? String(value) : undefined;
}

function isObject(value: unknown): value is JSONObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
