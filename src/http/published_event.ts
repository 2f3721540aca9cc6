import { mayPublish, type Principal } from "../access/principal.ts";
import type { PublishRecord } from "../bus/event_bus.ts";
import type { ErrorCode } from "../model/error_code.ts";
import { isEventName } from "../model/event_name.ts";
import { parseScope, type Scope } from "../model/scope.ts";
import { PRIORITIES } from "../model/sse_message.ts";
import type { EventEncoder } from "../pipeline/event_encoder.ts";
import { misfitOf } from "../pipeline/misfit_of.ts";
import { MAX_CONFLATION_KEY_LENGTH, type NativeRecord } from "../pipeline/native_record.ts";

/** The records of a publish request's events, or the first event that cannot be taken: all or nothing. */
export type PublishedEvents =
  | { readonly kind: "records"; readonly records: readonly PublishRecord[] }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

const MEMBERS: ReadonlySet<string> = new Set(["event", "scope", "audience", "data", "priority", "conflationKey"]);

/** What a request's events are held against. */
export interface PublishRules {
  readonly maxBatch: number;
  readonly encode: EventEncoder;
  /** Whether data must fit the built-in schema of its event, where there is one. */
  readonly validate: boolean;
}

/** Reads one event or an array of at most `maxBatch`. A bad item is named by its index. */
export function readPublishedEvents(
  body: unknown,
  principal: Principal,
  { maxBatch, encode, validate }: PublishRules,
  time: string,
): PublishedEvents {
  const items: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (items.length === 0) return refused("invalid-event", "An empty array publishes nothing");
  if (items.length > maxBatch) return refused("payload-too-large", `${items.length} events are more than ${maxBatch}`);
  const records: PublishRecord[] = [];
  for (const [index, item] of items.entries()) {
    const event = readEvent(item, principal, time);
    const record = event.kind === "refused" ? event : recordOf(event.event, encode, validate);
    if (record.kind === "refused") {
      return refused(record.code, Array.isArray(body) ? `Event ${index}: ${record.detail}` : record.detail);
    }
    records.push(record.record);
  }
  return { kind: "records", records };
}

interface Refused {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly detail: string;
}

const encoder = new TextEncoder();

function recordOf(
  event: NativeRecord,
  encode: EventEncoder,
  validate: boolean,
): { readonly kind: "record"; readonly record: PublishRecord } | Refused {
  const misfit = validate ? misfitOf(event.event, event.data) : undefined;
  if (misfit !== undefined) return refused("invalid-event", `It does not fit its schema: ${misfit}`);
  const encoded = encode(event);
  if (encoded.kind === "undeliverable") {
    const code = encoded.reason === "too-large" ? "payload-too-large" : "invalid-event";
    return refused(code, `It could never be delivered: ${encoded.detail}`);
  }
  // Events of one scope share a key, so they keep their order whatever the number of partitions.
  return { kind: "record", record: { key: encoder.encode(event.scopes[0]), value: encoded.value } };
}

type ReadEvent = { readonly kind: "event"; readonly event: NativeRecord } | Refused;

function readEvent(item: unknown, principal: Principal, time: string): ReadEvent {
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    return refused("invalid-event", "It is no object");
  }
  const unknown = Object.keys(item).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) {
    return refused("invalid-event", `${JSON.stringify(unknown.slice(0, 64))} is not one of ${[...MEMBERS].join(", ")}`);
  }
  // A parsed JSON object has only string keys; each member is checked below.
  const given = item as Readonly<Record<string, unknown>>;
  const { event, conflationKey } = given;
  if (typeof event !== "string" || !isEventName(event)) {
    return refused(
      "invalid-event-name",
      "`event` must be a name such as task.progress-updated; stream.* is the gateway's",
    );
  }
  const scope = typeof given.scope === "string" ? parseScope(given.scope) : undefined;
  if (scope === undefined) return refused("invalid-scope", "`scope` must be global, or kind:id such as user:42");
  const audience = readAudience(given.audience ?? []);
  if (audience === undefined) return refused("invalid-scope", "`audience` must be an array of scopes");
  const priority = PRIORITIES.find((each) => each === (given.priority ?? "normal"));
  if (priority === undefined) return refused("invalid-event", `\`priority\` must be one of ${PRIORITIES.join(", ")}`);
  if (conflationKey !== undefined && !isConflationKey(conflationKey)) {
    const detail = `\`conflationKey\` must be text of 1 to ${MAX_CONFLATION_KEY_LENGTH} characters`;
    return refused("invalid-event", detail);
  }
  if (!mayPublish(principal, scope)) {
    return refused("publish-not-granted", `The token may not publish to ${JSON.stringify(scope)}`);
  }
  const common = { event, scopes: [scope], audience, data: given.data ?? null, time, priority, version: 1 };
  return { kind: "event", event: conflationKey === undefined ? common : { ...common, conflationKey } };
}

function isConflationKey(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_CONFLATION_KEY_LENGTH;
}

/** Most scopes in one event's audience: a reader would have to hold them all. */
const MAX_AUDIENCE_SCOPES = 16;

function readAudience(value: unknown): readonly Scope[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_AUDIENCE_SCOPES) return undefined;
  const scopes = value.map((text) => typeof text === "string" ? parseScope(text) : undefined);
  const valid = scopes.filter((scope) => scope !== undefined);
  return valid.length === scopes.length ? valid : undefined;
}

function refused(code: ErrorCode, detail: string): Refused {
  return { kind: "refused", code, detail };
}
