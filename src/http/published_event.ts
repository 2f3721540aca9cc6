import { mayPublish, type Principal } from "../access/principal.ts";
import type { ErrorCode } from "../model/error_code.ts";
import { isEventName } from "../model/event_name.ts";
import { parseScope, type Scope } from "../model/scope.ts";
import { PRIORITIES } from "../model/sse_message.ts";
import { MAX_CONFLATION_KEY_LENGTH, type NativeRecord } from "../pipeline/native_record.ts";

/** The events of a publish request, or the first that cannot be taken: all or nothing. */
export type PublishedEvents =
  | { readonly kind: "events"; readonly events: readonly NativeRecord[] }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

const MEMBERS: ReadonlySet<string> = new Set(["event", "scope", "audience", "data", "priority", "conflationKey"]);

/** Reads one event or an array of at most `maxBatch`. A bad item is named by its index. */
export function readPublishedEvents(
  body: unknown,
  principal: Principal,
  maxBatch: number,
  time: string,
): PublishedEvents {
  const items: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (items.length === 0) return refused("invalid-event", "An empty array publishes nothing");
  if (items.length > maxBatch) return refused("payload-too-large", `${items.length} events are more than ${maxBatch}`);
  const events: NativeRecord[] = [];
  for (const [index, item] of items.entries()) {
    const read = readEvent(item, principal, time);
    if (read.kind === "refused") {
      return refused(read.code, Array.isArray(body) ? `Event ${index}: ${read.detail}` : read.detail);
    }
    events.push(read.event);
  }
  return { kind: "events", events };
}

type ReadEvent =
  | { readonly kind: "event"; readonly event: NativeRecord }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

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

function refused(code: ErrorCode, detail: string): { kind: "refused"; code: ErrorCode; detail: string } {
  return { kind: "refused", code, detail };
}
