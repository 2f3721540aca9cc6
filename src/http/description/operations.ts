import type { ErrorCode } from "../../model/error_code.ts";
import type { BODIES } from "./schemas.ts";

/** A parameter in a query, a path or a header. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** One method of one route, for those who call it. */
export interface Operation {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  /** Whether it asks for a credential. */
  readonly isOpen?: boolean;
  readonly parameters?: readonly Parameter[];
  /** The request's body, one or several of it. */
  readonly body?: keyof typeof BODIES;
  readonly answer: {
    readonly status: number;
    readonly description: string;
    readonly mediaType?: string;
    readonly body?: keyof typeof BODIES;
  };
  /** Refusals beyond those of the credential. */
  readonly problems: readonly ErrorCode[];
}

const SUBSCRIPTION: readonly Parameter[] = [
  {
    name: "scope",
    in: "query",
    description: "Repeatable, or separated by commas. None: all that the token grants without a wildcard.",
    schema: { type: "array", items: { type: "string" }, examples: [["user:42"]] },
  },
  {
    name: "event",
    in: "query",
    description: "Exact names or `domain.*`; repeatable, or separated by commas. None: every event.",
    schema: { type: "array", items: { type: "string" }, examples: [["task.*"]] },
  },
];

const OPEN_PROBLEMS: readonly ErrorCode[] = [
  "invalid-request",
  "invalid-scope",
  "invalid-event-name",
  "scope-not-granted",
  "not-acceptable",
];

/** What the gateway's public port answers; a test holds it equal to the routes. */
export const OPERATIONS: readonly Operation[] = [
  {
    method: "GET",
    path: "/api/v1/events/stream",
    id: "streamEvents",
    summary: "A stream of events",
    description: "Server-Sent Events, for as long as the connection, the token and the stream's lifetime last. " +
      "A refusal that time cures is a stream that says so and ends.",
    parameters: [
      ...SUBSCRIPTION,
      {
        name: "Last-Event-ID",
        in: "header",
        description: "The cursor to resume behind, `now` or `earliest`. Also as `?last_event_id=`.",
        schema: { type: "string", maxLength: 2048 },
      },
      {
        name: "Prefer",
        in: "header",
        description: "`status` asks for a 429 or 503 where a native EventSource needs a stream that says no.",
        schema: { type: "string" },
      },
    ],
    answer: {
      status: 200,
      description: "The stream; see /asyncapi.json for its events.",
      mediaType: "text/event-stream",
    },
    problems: [...OPEN_PROBLEMS, "too-many-requests", "unavailable"],
  },
  {
    method: "GET",
    path: "/api/v1/events/poll",
    id: "pollEvents",
    summary: "The same events in answers",
    description: "For where streams do not come through. Events, grants and cursors are the stream's.",
    parameters: [
      ...SUBSCRIPTION,
      {
        name: "cursor",
        in: "query",
        description: "The last answer's cursor, any `id` of a stream, `now` or `earliest`.",
        schema: { type: "string", maxLength: 2048 },
      },
      {
        name: "wait",
        in: "query",
        description: "Seconds to wait where there is nothing to tell.",
        schema: { type: "integer", minimum: 0, maximum: 30, default: 25 },
      },
      {
        name: "limit",
        in: "query",
        description: "Most events of the answer.",
        schema: { type: "integer", minimum: 1, maximum: 1000, default: 500 },
      },
    ],
    answer: { status: 200, description: "What came.", body: "PollAnswer" },
    problems: [...OPEN_PROBLEMS, "too-many-requests", "source-unavailable", "unavailable"],
  },
  {
    method: "POST",
    path: "/api/v1/events",
    id: "publishEvents",
    summary: "Publish",
    description: "One event, or an array of them: all or none. Needs the permission `events:publish` and a target in " +
      "`auth.publish` that covers each scope.",
    parameters: [{
      name: "Idempotency-Key",
      in: "header",
      description: "A request that is sent again under the same key, with the same body, publishes nothing twice.",
      schema: { type: "string", maxLength: 128 },
    }],
    body: "PublishedEvent",
    answer: { status: 201, description: "The source has taken all of them.", body: "Published" },
    problems: [
      "invalid-json",
      "invalid-event",
      "invalid-event-name",
      "invalid-scope",
      "invalid-idempotency-key",
      "publish-not-granted",
      "not-found",
      "payload-too-large",
      "unsupported-media-type",
      "idempotency-conflict",
      "too-many-requests",
      "source-unavailable",
      "unavailable",
    ],
  },
  {
    method: "POST",
    path: "/api/v1/events/tickets",
    id: "issueTicket",
    summary: "A one-time credential for the URL of a native EventSource",
    description: "Good for one stream, within `auth.tickets.lifetime`.",
    answer: { status: 201, description: "The ticket.", body: "Ticket" },
    problems: ["too-many-grants"],
  },
  {
    method: "POST",
    path: "/api/v1/events/connections/{id}/token",
    id: "renewToken",
    summary: "A fresh token for an open stream",
    description:
      "The request's own credential takes the place of the one that opened the stream, for the same subject.",
    parameters: [{
      name: "id",
      in: "path",
      description: "`connectionId` of `stream.opened`.",
      schema: { type: "string" },
    }],
    answer: { status: 200, description: "The stream goes on.", body: "Renewed" },
    problems: ["not-found", "invalid-request", "too-many-requests"],
  },
  {
    method: "GET",
    path: "/livez",
    id: "live",
    summary: "Whether the process answers",
    description: "A source's outage does not change it.",
    isOpen: true,
    answer: { status: 200, description: "It does.", mediaType: "application/json" },
    problems: [],
  },
  {
    method: "GET",
    path: "/readyz",
    id: "ready",
    summary: "Whether every source is attached and its past is in the journal",
    description: "503 with the same body while one is not, and from SIGTERM on.",
    isOpen: true,
    answer: { status: 200, description: "It is ready.", body: "Readiness" },
    problems: [],
  },
];
