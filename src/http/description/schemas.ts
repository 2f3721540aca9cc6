import * as z from "zod";
import { CLOSE_REASONS } from "../../model/close_reason.ts";
import { ERROR_CODES } from "../../model/error_code.ts";
import { EVENT_SCHEMAS } from "../../model/events.ts";
import { PRIORITIES } from "../../model/sse_message.ts";
import { type JSONSchema, listOf, object, orNull, text, TIME } from "./json_schema.ts";

const SCOPE = text("`global`, or `kind:id` such as `user:42`.");
const EVENT_NAME = text("`domain.action-past` in lower case, such as `task.progress-updated`.");
const CURSOR = text("A cursor: send the last one back to resume behind it. Opaque.");

/** Around the data of every event. */
export function envelopeOf(data: JSONSchema): JSONSchema {
  return object({
    version: { type: "integer", description: "Version of the shape of `data`." },
    scope: SCOPE,
    time: { ...TIME, description: "When it happened." },
    data,
    scopes: listOf(SCOPE, "Where the event addresses several scopes of the stream: all of these, `scope` first."),
  }, ["scopes"]);
}

/** Data of the events that ship with the gateway, by name. */
export const SHIPPED_DATA: Readonly<Record<string, JSONSchema>> = Object.fromEntries(
  Object.entries(EVENT_SCHEMAS).map(([name, schema]) => {
    const { $schema: _, ...data } = z.toJSONSchema(schema);
    return [name, data];
  }),
);

const GAP = {
  source: orNull("string", "The source; `null` when nobody can tell."),
  partition: orNull("integer", "Its partition."),
  from: orNull("string", "First offset that may be missing."),
  to: orNull("string", "Last offset that may be missing."),
  reason: text("Why, such as `trimmed` or `epoch`."),
  lost: orNull("integer", "Number of records, `null` when nobody can know."),
  resync: { type: "boolean", description: "Read your state anew: the events will not come." },
};

const CLOSE_REASON: JSONSchema = { type: "string", enum: Object.keys(CLOSE_REASONS) };

/** Data of the gateway's own events, by name. */
export const CONTROL_DATA: Readonly<Record<string, { readonly summary: string; readonly data: JSONSchema }>> = {
  "stream.opened": {
    summary: "First of every stream",
    data: object({
      connectionId: text("Names this connection, for support and for renewing its token."),
      heartbeatMs: { type: "integer", description: "Longest silence, in milliseconds." },
      resumed: { type: "boolean", description: "Whether the cursor was taken up." },
      scopes: listOf(SCOPE, "What this stream brings."),
      events: listOf(text("An exact name, or `domain.*`."), "The event filter; empty for all."),
      expiresAt: { ...TIME, description: "The token's end." },
      serverVersion: text("The gateway's version."),
      node: text("The node's name."),
    }),
  },
  "stream.caught-up": {
    summary: "A resumed stream is live from here",
    data: object({
      replayed: { type: "integer", description: "Number of events." },
      from: { type: "string", enum: ["journal", "redis", "bus"], description: "The deepest place that was read." },
    }),
  },
  "stream.gap-detected": { summary: "Something may be missing", data: object(GAP) },
  "stream.events-dropped": {
    summary: "Low-priority events were shed because this reader was slow",
    data: object({
      priority: { type: "string", enum: PRIORITIES },
      count: { type: "integer" },
      from: text("Identity of the first."),
      to: text("Identity of the last."),
    }),
  },
  "stream.source-changed": {
    summary: "An upstream log went away or came back",
    data: object({ source: text("The source."), state: { type: "string", enum: ["up", "down"] } }),
  },
  "stream.access-changed": {
    summary: "A renewed token grants other scopes",
    data: object({ granted: listOf(SCOPE, "New."), revoked: listOf(SCOPE, "Withdrawn.") }),
  },
  "stream.token-expiring": { summary: "The token ends soon", data: object({ expiresAt: TIME }) },
  "stream.closing": {
    summary: "Last of a stream that the gateway ends",
    data: object({ reason: CLOSE_REASON, retryAfterMs: { type: "integer", description: "When to come back." } }),
  },
};

/** Bodies of requests and answers, by the name under which the description has them. */
export const BODIES = {
  Problem: object({
    type: text("`urn:tidegate:problem:` and the code."),
    title: text("What the code means."),
    status: { type: "integer" },
    code: { type: "string", enum: Object.keys(ERROR_CODES) },
    detail: text("What was wrong with this request."),
  }),
  PublishedEvent: {
    ...object({
      event: EVENT_NAME,
      scope: SCOPE,
      audience: listOf(SCOPE, "Scopes that a reader must all hold besides the scope."),
      data: { description: "Any JSON value." },
      priority: { type: "string", enum: PRIORITIES, default: "normal" },
      conflationKey: text("In a full send queue a newer event of the same name, scope and key replaces an older one."),
    }, ["audience", "data", "priority", "conflationKey"]),
    additionalProperties: false,
  },
  Published: object({
    ids: listOf(text("`source:partition:offset`."), "Identities of the events, in order."),
    durability: {
      type: "string",
      description: "What the log promises of them.",
      enum: ["memory", "disk", "redis", "kafka"],
    },
  }),
  Ticket: object({ ticket: text("For `?ticket=`, once."), expiresAt: TIME }),
  Renewed: object({
    expiresAt: { ...TIME, description: "The stream's new end." },
    scopes: listOf(SCOPE, "What it brings now."),
  }),
  PollAnswer: object({
    cursor: CURSOR,
    events: listOf(object({ id: CURSOR, event: EVENT_NAME, data: envelopeOf({}) }), "What the stream would send."),
    gaps: listOf(
      object({
        id: CURSOR,
        eventsBefore: { type: "integer", description: "How many of `events` come before it." },
        ...GAP,
      }, ["id"]),
      "What may be missing.",
    ),
    caughtUp: { type: "boolean", description: "Whether this is all up to now; else ask again at once." },
  }),
  Home: object({
    name: { type: "string", const: "tidegate" },
    version: text("The gateway's version."),
    node: text("The node's name."),
    routes: { type: "object", additionalProperties: { type: "string" }, description: "Where to go from here." },
  }),
  Liveness: object({ live: { type: "boolean", const: true } }),
  Readiness: object({
    ready: { type: "boolean" },
    draining: { type: "boolean" },
    sources: listOf(
      object({ source: text("Its name."), state: { type: "string", enum: ["attaching", "warming", "up", "down"] } }),
      "The sources.",
    ),
  }),
} as const satisfies Readonly<Record<string, JSONSchema>>;
