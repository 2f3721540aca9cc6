import { isEventName } from "../model/event_name.ts";
import { parseScope, type Scope } from "../model/scope.ts";
import { PRIORITIES, type Priority } from "../model/sse_message.ts";
import { stringifyExact } from "./exact_json.ts";
import { formatEventTime } from "./event_time.ts";

/** An event as the gateway itself puts it on a bus (`format: tidegate`): what POST /api/v1/events takes, checked. */
export interface NativeRecord {
  readonly event: string;
  /** At least one; a message goes to each. */
  readonly scopes: readonly Scope[];
  /** Scopes that a reader must all hold besides; default none. */
  readonly audience: readonly Scope[];
  /** Any JSON value; may hold bigints, which keep their digits. */
  readonly data: unknown;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly priority: Priority;
  readonly conflationKey?: string;
  readonly version: number;
}

/** Longest conflation key, in UTF-16 code units. */
export const MAX_CONFLATION_KEY_LENGTH = 256;

const MEMBERS: ReadonlySet<string> = new Set(
  ["event", "scope", "scopes", "audience", "data", "time", "priority", "conflationKey", "version"],
);
const ENCODER = new TextEncoder();

/** The bytes of a native record; {@link decodeNativeRecord} of its JSON gives the same record back. */
export function encodeNativeRecord(record: NativeRecord): Uint8Array<ArrayBuffer> {
  const { scopes, audience, data, ...rest } = record;
  const address = scopes.length === 1 ? { scope: scopes[0] } : { scopes };
  return ENCODER.encode(stringifyExact({
    ...rest,
    ...address,
    ...(audience.length === 0 ? {} : { audience }),
    data: data ?? null,
  }));
}

/** Reads a native record from its JSON; a text says what is wrong with it. Strict: it chooses who may see it. */
export function decodeNativeRecord(content: unknown, maxScopes: number): NativeRecord | string {
  if (typeof content !== "object" || content === null || Array.isArray(content)) return "is no object";
  const unknown = Object.keys(content).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return `has an unknown member ${JSON.stringify(unknown.slice(0, 64))}`;
  // A parsed JSON object has only string keys; each member is checked below.
  const given = content as Readonly<Record<string, unknown>>;
  if (typeof given.event !== "string" || !isEventName(given.event)) return "has no valid event";
  if (("scope" in given) === ("scopes" in given)) return "needs either scope or scopes";
  const scopes = scopesOf("scope" in given ? [given.scope] : given.scopes, maxScopes);
  if (scopes === undefined || scopes.length === 0) return "has no valid scopes";
  const audience = scopesOf(given.audience ?? [], maxScopes);
  if (audience === undefined) return "has no valid audience";
  const time = formatEventTime(given.time);
  if (time === undefined) return "has no valid time";
  const priority = PRIORITIES.find((each) => each === (given.priority ?? "normal"));
  if (priority === undefined) return "has no valid priority";
  const version = given.version ?? 1;
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1) return "has no valid version";
  const { conflationKey } = given;
  if (conflationKey !== undefined) {
    if (typeof conflationKey !== "string" || conflationKey === "") return "has no valid conflationKey";
    if (conflationKey.length > MAX_CONFLATION_KEY_LENGTH) return "has too long a conflationKey";
    return { event: given.event, scopes, audience, data: given.data ?? null, time, priority, version, conflationKey };
  }
  return { event: given.event, scopes, audience, data: given.data ?? null, time, priority, version };
}

function scopesOf(value: unknown, maxScopes: number): readonly Scope[] | undefined {
  if (!Array.isArray(value) || value.length > maxScopes) return undefined;
  const scopes = new Set<Scope>();
  for (const text of value) {
    const scope = typeof text === "string" ? parseScope(text) : undefined;
    if (scope === undefined) return undefined;
    scopes.add(scope);
  }
  return [...scopes];
}
