import type { Operation, Parameter } from "./operation.ts";

const SUBJECT: Parameter = {
  name: "subject",
  in: "query",
  description: "Whose; none for everybody.",
  schema: { type: "string" },
};

const STREAM_ID: Parameter = {
  name: "id",
  in: "path",
  description: "`connectionId` of `stream.opened`.",
  schema: { type: "string" },
};

const ISSUER: Parameter = {
  name: "issuer",
  in: "query",
  description: "Where the entry names one.",
  schema: { type: "string" },
};

/** What the admin port answers beside its health; a test holds it equal to the routes. */
export const ADMIN_OPERATIONS: readonly Operation[] = [
  {
    method: "GET",
    path: "/metrics",
    id: "metrics",
    summary: "Metrics for Prometheus",
    description: "Not there when `metrics.enabled` is false.",
    access: "open",
    answer: { status: 200, description: "Every metric of docs/operations.md.", mediaTypes: ["text/plain"] },
    problems: [],
  },
  {
    method: "GET",
    path: "/console",
    id: "console",
    summary: "The console",
    description: "A page that reads /admin/v1; it holds nothing of the node itself, and asks for the admin token.",
    access: "open",
    answer: { status: 200, description: "The page.", mediaTypes: ["text/html"] },
    problems: [],
  },
  {
    method: "GET",
    path: "/console/{file}",
    id: "consoleFile",
    summary: "What the console is made of",
    description: "Its program, its style and its icon.",
    access: "open",
    parameters: [{
      name: "file",
      in: "path",
      description: "The file.",
      schema: { type: "string", enum: ["console.js", "style.css", "icon.svg"] },
    }],
    answer: { status: 200, description: "The file.", mediaTypes: ["text/javascript", "text/css", "image/svg+xml"] },
    problems: [],
  },
  {
    method: "GET",
    path: "/admin/v1/status",
    id: "nodeStatus",
    summary: "How the node is",
    description: "Sources with state and lag, streams, journal, totals since the start, the last warnings and errors.",
    access: "admin",
    answer: { status: 200, description: "Its state now.", body: "NodeStatus" },
    problems: [],
  },
  {
    method: "GET",
    path: "/admin/v1/stats",
    id: "nodeStats",
    summary: "What the node did in the last two minutes",
    description: "One sample a second.",
    access: "admin",
    parameters: [{
      name: "since",
      in: "query",
      description: "`atMs` of the last sample that is known.",
      schema: { type: "number", default: 0 },
    }],
    answer: { status: 200, description: "The samples behind that, the oldest first.", body: "NodeStats" },
    problems: [],
  },
  {
    method: "GET",
    path: "/admin/v1/connections",
    id: "listConnections",
    summary: "The streams of this node",
    description: "The longest open first, and those that ended lately.",
    access: "admin",
    parameters: [
      SUBJECT,
      { name: "scope", in: "query", description: "A scope that they read.", schema: { type: "string" } },
      { name: "after", in: "query", description: "`next` of the page before.", schema: { type: "string" } },
      {
        name: "limit",
        in: "query",
        description: "Most streams of the page.",
        schema: { type: "integer", minimum: 1, maximum: 200, default: 50 },
      },
    ],
    answer: { status: 200, description: "A page of them.", body: "ConnectionPage" },
    problems: ["invalid-request"],
  },
  {
    method: "GET",
    path: "/admin/v1/connections/{id}",
    id: "findConnection",
    summary: "One stream",
    description: "Open, or one of the last 200 that ended.",
    access: "admin",
    parameters: [STREAM_ID],
    answer: { status: 200, description: "As it is now, or as it ended.", body: "Connection" },
    problems: ["not-found"],
  },
  {
    method: "DELETE",
    path: "/admin/v1/connections/{id}",
    id: "closeConnection",
    summary: "Close a stream",
    description: "With the reason `closed-by-operator`; its client comes back with its cursor.",
    access: "admin",
    parameters: [STREAM_ID],
    answer: { status: 200, description: "As it ended.", body: "Connection" },
    problems: ["not-found"],
  },
  {
    method: "GET",
    path: "/admin/v1/events",
    id: "tailEvents",
    summary: "Everything that the node reads, as it comes",
    description: "Server-Sent Events: `tail.event`, `tail.gap`, `tail.dead-letter`, `tail.source` and `tail.omitted`.",
    access: "admin",
    parameters: [
      {
        name: "scope",
        in: "query",
        description: "Repeatable. None: every scope.",
        schema: { type: "array", items: { type: "string" } },
      },
      {
        name: "event",
        in: "query",
        description: "Exact names or `domain.*`; repeatable. None: every event.",
        schema: { type: "array", items: { type: "string" } },
      },
    ],
    answer: { status: 200, description: "The tail.", mediaTypes: ["text/event-stream"] },
    problems: ["invalid-scope", "invalid-event-name", "too-many-requests"],
  },
  {
    method: "GET",
    path: "/admin/v1/explain",
    id: "explain",
    summary: "Why somebody got, or did not get, an event",
    description: "By its identity; or, by `scope` and `event`, what would become of such an event.",
    access: "admin",
    parameters: [
      {
        name: "identity",
        in: "query",
        description: "`source:partition:offset`, as the event's `id` begins.",
        schema: { type: "string" },
      },
      { name: "scope", in: "query", description: "Without an identity.", schema: { type: "string" } },
      { name: "event", in: "query", description: "Without an identity: its name.", schema: { type: "string" } },
      SUBJECT,
    ],
    answer: { status: 200, description: "What was looked at; nothing of the event's data.", body: "Explanation" },
    problems: ["invalid-request", "invalid-scope", "invalid-event-name", "too-many-requests"],
  },
  ...shutOut({
    path: "/admin/v1/revocations",
    ids: { list: "listRevocations", add: "revoke", remove: "restore" },
    list: "Whose tokens are revoked",
    add: "Revoke tokens",
    adding: "Closes their streams with `revoked` at once, and refuses their tokens from then on.",
    body: "RevocationWish",
    entry: "/admin/v1/revocations/{kind}/{id}",
  }),
  ...shutOut({
    path: "/admin/v1/bans",
    ids: { list: "listBans", add: "ban", remove: "unban" },
    list: "Who is banned",
    add: "Ban a subject for a while",
    adding: "Closes its streams with `banned` and refuses new ones softly until it is over.",
    body: "BanWish",
    entry: "/admin/v1/bans/{id}",
  }),
  {
    method: "POST",
    path: "/admin/v1/drain",
    id: "drain",
    summary: "What SIGTERM does",
    description: "Streams are closed over `drain.window`, and the process ends behind it.",
    access: "admin",
    answer: { status: 202, description: "It has begun.", body: "Draining" },
    problems: [],
  },
  {
    method: "POST",
    path: "/admin/v1/tokens",
    id: "mintDevelopmentToken",
    summary: "A token for anybody",
    description: "There in development mode alone.",
    access: "admin",
    body: "DevelopmentTokenWish",
    answer: { status: 201, description: "The token, good for an hour.", body: "DevelopmentToken" },
    problems: ["invalid-json", "invalid-request", "payload-too-large", "unsupported-media-type"],
  },
];

/** The three operations of one way of shutting somebody out. */
function shutOut(way: {
  readonly path: string;
  readonly ids: { readonly list: string; readonly add: string; readonly remove: string };
  readonly list: string;
  readonly add: string;
  readonly adding: string;
  readonly body: "RevocationWish" | "BanWish";
  readonly entry: string;
}): readonly Operation[] {
  const kind: Parameter = {
    name: "kind",
    in: "path",
    description: "By what they are meant.",
    schema: { type: "string", enum: ["subject", "token", "session"] },
  };
  const id: Parameter = { name: "id", in: "path", description: "As it was given.", schema: { type: "string" } };
  return [
    {
      method: "GET",
      path: way.path,
      id: way.ids.list,
      summary: way.list,
      description: "By this node, now.",
      access: "admin",
      answer: { status: 200, description: "The first 1,000, and how many there are.", body: "ShutOutList" },
      problems: [],
    },
    {
      method: "POST",
      path: way.path,
      id: way.ids.add,
      summary: way.add,
      description: `${way.adding} In the memory of this node: ask every node.`,
      access: "admin",
      body: way.body,
      answer: { status: 201, description: "What holds from now on.", body: "ShutOut" },
      problems: ["invalid-json", "invalid-request", "payload-too-large", "unsupported-media-type", "unavailable"],
    },
    {
      method: "DELETE",
      path: way.entry,
      id: way.ids.remove,
      summary: "Take it back",
      description: "The entry that is meant by exactly these.",
      access: "admin",
      parameters: [...(way.entry.includes("{kind}") ? [kind] : []), id, ISSUER],
      answer: { status: 204, description: "They are let in again." },
      problems: ["not-found"],
    },
  ];
}
