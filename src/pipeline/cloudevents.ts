import { deadLetter } from "./mapping_outcome.ts";
import type { OpenedEnvelope, ParseJSON } from "./open_record.ts";
import { decodedOnce, decodeText } from "./record_text.ts";

/** Attributes that every CloudEvent has (CloudEvents 1.0, section 3.1). */
const REQUIRED = ["specversion", "type", "source", "id"] as const;
/** Attribute → its header; written out once, because joined anew for each record it costs more than all the rest. */
const HEADERS: ReadonlyMap<string, string> = new Map(
  [...REQUIRED, "subject", "time", "datacontenttype", "dataschema"].map((name) => [name, `ce_${name}`]),
);
const REQUIRED_HEADERS = REQUIRED.map((name) => `ce_${name}`);

/** Whether the value is a CloudEvent in structured JSON mode (CloudEvents 1.0, JSON Event Format, section 2). */
export function isStructuredCloudEvent(content: unknown): content is Readonly<Record<string, unknown>> {
  return typeof content === "object" && content !== null && "specversion" in content && "type" in content &&
    typeof content.specversion === "string" && "source" in content && "id" in content;
}

/**
 * Opens a structured CloudEvent: `data` as it is, `data_base64` decoded and parsed.
 *
 * @throws Unmappable invalid-envelope
 */
export function openStructuredCloudEvent(event: Readonly<Record<string, unknown>>, parse: ParseJSON): OpenedEnvelope {
  for (const name of REQUIRED) {
    if (typeof event[name] !== "string" || event[name] === "") {
      throw deadLetter("invalid-envelope", `the CloudEvent has no ${name}`);
    }
  }
  const envelope = (name: string) => {
    if (name === "data" || name === "data_base64" || !Object.hasOwn(event, name)) return undefined;
    const value = event[name];
    return typeof value === "string" ? value : isPlain(value) ? String(value) : undefined;
  };
  return { data: "data_base64" in event ? parseBase64(event.data_base64, parse) : event.data, envelope };
}

/**
 * Opens a CloudEvent in binary mode: attributes in `ce_` headers (Kafka Protocol Binding, section 3.2), the value is
 * the data.
 *
 * @throws Unmappable invalid-envelope
 */
export function openBinaryCloudEvent(data: unknown, headers: ReadonlyMap<string, Uint8Array>): OpenedEnvelope {
  for (const header of REQUIRED_HEADERS) {
    if (!headers.get(header)?.byteLength) throw deadLetter("invalid-envelope", `the CloudEvent has no ${header}`);
  }
  return { data, envelope: decodedOnce((name) => headers.get(HEADERS.get(name) ?? `ce_${name}`)) };
}

function isPlain(value: unknown): boolean {
  return typeof value === "boolean" || typeof value === "bigint" || Number.isSafeInteger(value);
}

function parseBase64(text: unknown, parse: ParseJSON): unknown {
  try {
    const decoded = typeof text === "string" ? decodeText(bytesOfBase64(text)) : undefined;
    if (decoded !== undefined) return parse(decoded);
  } catch {
    // Answered below: the reasons differ, the result does not.
  }
  throw deadLetter("invalid-envelope", "data_base64 of the CloudEvent holds no JSON");
}

function bytesOfBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
