import type { RecordFormat } from "../config/mapping_schema.ts";
import type { BusRecord } from "../model/bus_record.ts";
import { deadLetter, withheld } from "./mapping_outcome.ts";
import type { OpenedEnvelope, ParseJSON } from "./open_record.ts";
import { textOrUndefined } from "./record_text.ts";

type JSONObject = Readonly<Record<string, unknown>>;

/** Columns of an outbox row (Debezium's default names, and with underscores) → attribute. */
const ROW_ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ["id", "id"],
  ["type", "type"],
  ["event_type", "type"],
  ["aggregatetype", "aggregatetype"],
  ["aggregate_type", "aggregatetype"],
  ["aggregateid", "subject"],
  ["aggregate_id", "subject"],
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
  const attributes = new Map<string, string>();
  const set = (name: string, text: string | undefined) => text !== undefined && attributes.set(name, text);
  set("id", textOrUndefined(record.headers.get("id")));
  set("type", textOrUndefined(record.headers.get("eventType")));
  set("aggregatetype", textOrUndefined(record.headers.get("aggregateType")));
  set("subject", textOrUndefined(record.key));
  return { data: openPayload(withoutSchema(content), parse), attributes };
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
  const attributes = new Map<string, string>([["op", String(change.op)]]);
  if (isObject(change.source) && typeof change.source.table === "string") attributes.set("table", change.source.table);
  if (!("payload" in row) || !("aggregatetype" in row || "aggregate_type" in row)) return { data: row, attributes };
  for (const [column, attribute] of ROW_ATTRIBUTES) {
    const value = row[column];
    if (typeof value === "string" || typeof value === "number") attributes.set(attribute, String(value));
  }
  return { data: openPayload(row.payload, parse), attributes };
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

function isObject(value: unknown): value is JSONObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
