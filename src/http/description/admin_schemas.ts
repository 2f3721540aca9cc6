import { VERDICTS } from "../../admin/explanation.ts";
import { count, type JSONSchema, listOf, object, orNull, text, TIME } from "./json_schema.ts";

const NUMBER: JSONSchema = { type: "number" };

const CONNECTION: JSONSchema = object({
  id: text("`connectionId` of `stream.opened`."),
  issuer: text("Of its token."),
  subject: text("Of its token."),
  scopes: listOf({ type: "string" }, "What it reads."),
  events: listOf({ type: "string" }, "Exact names or `domain.*`; empty for all."),
  openedAt: TIME,
  expiresAt: { ...TIME, description: "When its token ends." },
  ageSeconds: count("Up to now, or to its end."),
  frames: count("Events that were taken for it: sent, or waiting."),
  bytes: count("Of those."),
  shedFrames: count("Events that were shed because it was slow."),
  queuedFrames: count("Events that wait."),
  queuedBytes: count("Of those."),
  cursor: orNull("string", "Identity of the last event that it was given."),
  ended: {
    ...object({ at: TIME, reason: text("Why, in a word of docs/protocol.md.") }),
    type: ["object", "null"],
    description: "`null` while it is open.",
  },
});

const RATES: JSONSchema = object({
  records: NUMBER,
  deliveries: NUMBER,
  dropped: NUMBER,
  deadLetters: NUMBER,
  shed: NUMBER,
  published: NUMBER,
});

const SOURCE: JSONSchema = object({
  source: text("Its name."),
  kind: { type: "string", enum: ["kafka", "redis", "embedded"] },
  state: { type: "string", enum: ["attaching", "warming", "up", "down"] },
  records: orNull("integer", "Offsets that are not read yet; `null` where they say nothing of it, or cannot be asked."),
  ms: orNull("integer", "The same in milliseconds, where offsets hold a time."),
  partitions: listOf(
    object({
      partition: { type: "integer" },
      next: text("The first offset that this node has not read."),
      first: orNull("string", "The log's first."),
      end: orNull("string", "The log's end."),
    }),
    "Its partitions.",
  ),
});

const HELD = {
  kind: { type: "string", enum: ["subject", "token", "session"], description: "By what they are meant." },
  id: text("Which."),
  issuer: orNull("string", "That issuer's alone; `null` for every issuer's."),
  until: { ...TIME, description: "When it is over." },
  issuedBefore: {
    ...TIME,
    type: ["string", "null"],
    description: "Tokens of a later login are spared; `null` for none.",
  },
};

const WISHED = {
  issuer: text("That issuer's alone. Default: every issuer's."),
  for: text("How long, such as `15m`. A ban must say it; a revocation holds for `auth.maxTokenLifetime`, or a day."),
  issuedBefore: text("A time, or `now`: spares tokens of a later login."),
};

/** Bodies of the operator's requests and answers, by the name under which the description has them. */
export const ADMIN_BODIES = {
  NodeStatus: object({
    node: text("Its name."),
    version: text("The gateway's version."),
    startedAt: TIME,
    now: TIME,
    ready: { type: "boolean" },
    draining: { type: "boolean" },
    development: { type: "boolean", description: "Whether it makes tokens for anybody." },
    publicUrl: text("Where streams are opened, as far as the node knows."),
    sources: listOf(SOURCE, "With how far this node is behind."),
    streams: object({ open: count("Now."), max: count("At most."), maxPerPrincipal: count("At most.") }),
    journal: object({
      frames: count("Events that are kept."),
      maxFrames: count("At most."),
      bytes: count("Of those."),
      maxBytes: count("At most."),
    }),
    totals: { ...RATES, description: "Since the process started." },
    problems: listOf(
      object({
        at: TIME,
        level: { type: "string", enum: ["warning", "error", "fatal"] },
        logger: text("Who says it."),
        message: text("What."),
      }),
      "The last lines of the log that somebody should look at, the newest first.",
    ),
  }),
  NodeStats: object({
    samples: listOf(
      object({
        atMs: { type: "number", description: "Milliseconds since 1970." },
        streams: count("Open ones."),
        rates: { ...RATES, description: "A second, since the sample before." },
        loopDelayMs: { type: "number", description: "How late the sample's own timer came." },
        rssBytes: count("Memory of the process."),
      }),
      "One a second, of the last two minutes.",
    ),
  }),
  Connection: CONNECTION,
  ConnectionPage: object({
    connections: listOf(CONNECTION, "Open [connections](#connection)."),
    next: orNull("string", "`after` of the next page; `null` when there is none."),
    open: count("All that are open, whatever was asked for."),
    ended: listOf(CONNECTION, "Those that ended lately, the newest first."),
  }),
  Explanation: object({
    verdict: { type: "string", enum: Object.keys(VERDICTS) },
    summary: text("The verdict in a sentence."),
    steps: listOf(
      object({ ok: orNull("boolean", "`null` for what cannot be known."), text: text("What was looked at.") }),
      "In the order in which an event passes them.",
    ),
  }),
  RevocationWish: {
    ...object(
      {
        subject: text("Exactly one of the three: `sub` of the tokens."),
        session: text("Or their `sid`."),
        token: text("Or its `jti`."),
        ...WISHED,
      },
      ["subject", "session", "token", ...Object.keys(WISHED)],
    ),
    oneOf: ["subject", "session", "token"].map((name) => ({ required: [name] })),
    additionalProperties: false,
  },
  BanWish: {
    ...object({ subject: text("`sub` of the tokens."), ...WISHED }, ["issuer", "issuedBefore"]),
    additionalProperties: false,
  },
  ShutOut: object({ ...HELD, closed: count("Streams that were closed.") }),
  ShutOutList: object({
    entries: listOf(object(HELD), "The first 1,000 that hold now."),
    count: count("How many hold now."),
  }),
  Draining: object({ draining: { type: "boolean", const: true }, windowMs: count("`drain.window` in milliseconds.") }),
  DevelopmentTokenWish: object({
    subject: text("Its `sub`."),
    grants: listOf({ type: "string" }, "Scopes, such as `novel:7`, or kinds, such as `novel:*`."),
    publish: { type: "boolean", default: false, description: "Whether it may publish." },
  }, ["grants", "publish"]),
  DevelopmentToken: object({ token: text("A JWT.") }),
} as const satisfies Readonly<Record<string, JSONSchema>>;
