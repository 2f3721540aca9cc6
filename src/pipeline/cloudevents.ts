import { deadLetter } from "./mapping_outcome.ts";
import type { OpenedEnvelope, ParseJSON } from "./open_record.ts";
import { decodeText, textOrUndefined } from "./record_text.ts";

/** More attributes than this are not read; the specification has nine, the rest are extensions. */
const MAX_ATTRIBUTES = 64;
const ATTRIBUTE_NAME = /^[a-z0-9_]{1,64}$/;
/** Members of a structured event that carry its data, not an attribute. */
const DATA_MEMBERS: ReadonlySet<string> = new Set(["data", "data_base64"]);

/** Whether the value is a CloudEvent in structured JSON mode (CloudEvents 1.0, JSON Event Format, section 2). */
export function isStructuredCloudEvent(content: unknown): content is Readonly<Record<string, unknown>> {
  return typeof content === "object" && content !== null && "specversion" in content &&
    typeof content.specversion === "string" && "type" in content && typeof content.type === "string" &&
    "source" in content && "id" in content;
}

/**
 * Opens a structured CloudEvent: `data` as it is, `data_base64` decoded and parsed.
 *
 * @throws Unmappable invalid-envelope
 */
export function openStructuredCloudEvent(event: Readonly<Record<string, unknown>>, parse: ParseJSON): OpenedEnvelope {
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(event)) {
    if (DATA_MEMBERS.has(name) || !ATTRIBUTE_NAME.test(name) || attributes.size >= MAX_ATTRIBUTES) continue;
    if (typeof value === "string") attributes.set(name, value);
    else if (typeof value === "number" || typeof value === "boolean") attributes.set(name, String(value));
  }
  assertRequired(attributes);
  return { data: "data_base64" in event ? decodeBase64(event.data_base64, parse) : event.data, attributes };
}

/**
 * Opens a CloudEvent in binary mode: attributes in `ce_` headers (Kafka Protocol Binding, section 3.2), the value is
 * the data.
 *
 * @throws Unmappable invalid-envelope
 */
export function openBinaryCloudEvent(data: unknown, headers: ReadonlyMap<string, Uint8Array>): OpenedEnvelope {
  const attributes = new Map<string, string>();
  for (const [header, bytes] of headers) {
    if (attributes.size >= MAX_ATTRIBUTES) break;
    if (!header.startsWith("ce_") || !ATTRIBUTE_NAME.test(header.slice(3))) continue;
    const text = textOrUndefined(bytes);
    if (text !== undefined) attributes.set(header.slice(3), text);
  }
  assertRequired(attributes);
  return { data, attributes };
}

function assertRequired(attributes: ReadonlyMap<string, string>): void {
  const missing = ["specversion", "type", "source", "id"].filter((name) => !attributes.get(name));
  if (missing.length > 0) throw deadLetter("invalid-envelope", `the CloudEvent has no ${missing.join(", ")}`);
}

function decodeBase64(text: unknown, parse: ParseJSON): unknown {
  try {
    if (typeof text === "string") return parse(decodeText(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0))));
  } catch {
    // Answered below: the reasons differ, the result does not.
  }
  throw deadLetter("invalid-envelope", "data_base64 of the CloudEvent holds no JSON");
}
