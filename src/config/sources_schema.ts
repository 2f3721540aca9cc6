import * as z from "zod";
import { SOURCE_NAME } from "../model/position.ts";
import { recordFormatSchema } from "./mapping_schema.ts";
import { byteSize } from "./byte_size.ts";
import { duration } from "./duration.ts";
import { secret, secretFile } from "./secret.ts";
import { section } from "./section.ts";

const MAX_SOURCES = 64;

const kafkaSchema = section({
  brokers: z.array(
    z.string().regex(/^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$/, {
      error: "must be host:port, such as kafka-1:9092",
    }),
  ).min(1).max(100)
    .describe("Bootstrap brokers, host:port. Two or three are enough; the others are learnt from them."),
  topic: z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, { error: "must be a Kafka topic: 1 to 249 of A-Z a-z 0-9 . _ -" })
    .describe("The topic. Every partition is followed by every node."),
  clientId: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, { error: "must be 1 to 100 of A-Z a-z 0-9 . _ -" })
    .default("tidegate")
    .describe("Name that the brokers see in their logs, quotas and metrics."),
  ssl: section({
    enabled: z.boolean().default(false)
      .describe("Speak TLS to the brokers."),
    ca: z.string().min(1).exactOptional()
      .describe(
        "Certificate of the authority that signed the brokers' certificates, as PEM. Without it: the system's authorities.",
      ),
    caFile: secretFile().exactOptional()
      .describe("File that holds it."),
    cert: z.string().min(1).exactOptional()
      .describe("The client's certificate as PEM, where the brokers ask for one."),
    certFile: secretFile().exactOptional()
      .describe("File that holds it."),
    key: secret().exactOptional()
      .describe("Key of the client's certificate, as PEM."),
    keyFile: secretFile().exactOptional()
      .describe("File that holds it."),
    servername: z.string().min(1).exactOptional()
      .describe("Name on the brokers' certificate, where it is not the host that they are reached by."),
  }).prefault({})
    .describe("TLS to the brokers."),
  sasl: section({
    mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"])
      .describe("SASL mechanism, as the listener of the brokers offers it."),
    username: z.string().min(1)
      .describe("Name of the user that the brokers know."),
    password: secret().exactOptional()
      .describe("SASL password."),
    passwordFile: secretFile().exactOptional()
      .describe("File that holds the SASL password."),
  }).superRefine(({ password }, context) => {
    if (password === undefined) context.addIssue("must have exactly one of password, passwordFile");
  }).exactOptional()
    .describe("Who the gateway is to the brokers. Without it: nobody."),
  connectTimeout: duration("100ms", "1m").prefault("5s")
    .describe("Longest wait for a connection to a broker before the next is tried."),
  requestTimeout: duration("1s", "5m").prefault("10s")
    .describe(
      "Longest wait for an answer of a broker; a frozen one then counts as down. Longer than the election of a leader.",
    ),
  fetchMaxWait: duration("1ms", "10s").prefault("500ms")
    .describe(
      "How long a broker may hold an empty fetch. Records that arrive end it at once: this bounds idle traffic, not latency.",
    ),
  fetchMaxBytes: byteSize("64KiB", "256MiB").prefault("8MiB")
    .describe(
      "Most that one fetch brings, over all partitions; bounds memory while the gateway catches up. A larger single record still comes.",
    ),
  replayReaders: z.int().min(1).max(16).default(2)
    .describe("Ranges read again at once, a connection each: replays must not crowd out the live reader."),
});

const redisSchema = section({
  url: secret().refine((text) => URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol), {
    error: "must be a URL redis://host:port/db, or rediss:// for TLS",
  }).exactOptional()
    .describe("Server, with user, password and database where needed; rediss:// for TLS."),
  urlFile: secretFile().exactOptional()
    .describe("File that holds the URL."),
  streams: z.array(z.string().min(1).max(512)).min(1).max(64)
    .refine((keys) => new Set(keys).size === keys.length, { error: "must not name one key twice" }).exactOptional()
    .describe(
      "Keys of the Redis Streams; each is one partition, numbered in this order. Only append to it: an inserted key would give the others new numbers.",
    ),
  stream: z.string().min(1).max(512).exactOptional()
    .describe("Key of the Redis Stream, where there is only one."),
  connectTimeout: duration("100ms", "1m").prefault("5s")
    .describe("Longest wait for a connection before it is tried again."),
  commandTimeout: duration("100ms", "1m").prefault("5s")
    .describe("Longest wait for the answer to one command; a hung server then counts as down."),
  maxLength: z.int().min(1).max(1_000_000_000).exactOptional()
    .describe(
      "Publishing trims each stream to about this many entries (`MAXLEN ~`). Without it: whoever owns the stream trims it.",
    ),
  blockTimeout: duration("100ms", "30s").prefault("2s")
    .describe(
      "How long one blocking read may wait for entries before it is asked again; bounds how late a dead connection is noticed.",
    ),
  maxLengthApprox: z.int().min(1).max(1_000_000_000).exactOptional()
    .describe("Another name of `maxLength`; give one of them."),
  fields: section({
    value: z.string().min(1).max(512).default("value")
      .describe("Field of an entry that holds the record's value."),
    key: z.string().min(1).max(512).default("key")
      .describe("Field of an entry that holds the record's key. Every other field is a header."),
  }).prefault({})
    .describe("How an entry's fields are read."),
});

const embeddedSchema = section({
  path: z.string().min(1).exactOptional()
    .describe(
      "SQLite file that keeps the log. Without it the log lives in memory and a restart is a new epoch: clients are told of the gap.",
    ),
  partitions: z.int().min(1).max(64).default(1)
    .describe(
      "Number of partitions; records of one key share one. One is enough unless keys shall not wait for each other. A log on disk keeps the number it was made with.",
    ),
  retention: section({
    maxRecords: z.int().min(1).max(100_000_000).exactOptional()
      .describe(
        "Most records that a partition keeps; the oldest go first. Without it: 100,000 in memory, 1,000,000 in a file.",
      ),
    maxBytes: byteSize("64KiB", "1024GiB").exactOptional()
      .describe("Most bytes of records that a partition keeps. Without it: 64 MiB in memory, 1 GiB in a file."),
    maxAge: duration("1s", "3650d").exactOptional()
      .describe(
        "How long a record is kept; what is older can no longer be replayed from here. Without it: 24 h in memory, 7 days in a file.",
      ),
  }).prefault({})
    .describe("How much of the log is kept; whichever limit is reached first."),
});

const sourceSchema = section({
  kafka: kafkaSchema.exactOptional()
    .describe("A Kafka topic."),
  redis: redisSchema.exactOptional()
    .describe("One or more Redis Streams on one server."),
  embedded: embeddedSchema.exactOptional()
    .describe("A log of this process's own, in memory or in a SQLite file."),
  format: recordFormatSchema,
});

/** `sources`: the configured upstream logs by name. */
export const sourcesSchema = z.record(
  z.string().regex(SOURCE_NAME, { error: "must be 1 to 64 of a-z 0-9 _ . -, first a letter or digit" }),
  sourceSchema.transform(oneKind),
).refine((sources) => Object.keys(sources).length <= MAX_SOURCES, { error: `must be at most ${MAX_SOURCES} sources` });

/** One upstream log, as configured. */
export type SourceConfig = z.output<typeof sourcesSchema>[string];
/** The `kafka` block of a source. */
export type KafkaSourceConfig = z.output<typeof kafkaSchema>;
/** The `redis` block of a source, its keys in the order of their partitions. */
export type RedisSourceConfig = ReturnType<typeof oneStreamList>;
/** The `embedded` block of a source. */
export type EmbeddedSourceConfig = z.output<typeof embeddedSchema>;

function oneKind(source: z.output<typeof sourceSchema>, context: z.RefinementCtx):
  | { kind: "kafka"; format: typeof source.format; kafka: KafkaSourceConfig }
  | { kind: "redis"; format: typeof source.format; redis: RedisSourceConfig }
  | { kind: "embedded"; format: typeof source.format; embedded: EmbeddedSourceConfig } {
  const { kafka, redis, embedded, format } = source;
  const kinds = ["kafka", "redis", "embedded"].filter((kind) => Object.hasOwn(source, kind));
  if (kinds.length !== 1) {
    const found = kinds.length === 0 ? "has none of them" : `has ${kinds.join(" and ")}`;
    context.addIssue({ code: "custom", message: `must have exactly one of kafka, redis, embedded; it ${found}` });
    return z.NEVER;
  }
  if (kafka !== undefined) return { kind: "kafka", format, kafka };
  if (embedded !== undefined) return { kind: "embedded", format, embedded };
  if (redis !== undefined) return { kind: "redis", format, redis: oneStreamList(redis, context) };
  return z.NEVER;
}

function oneStreamList(redis: z.output<typeof redisSchema>, context: z.RefinementCtx) {
  const { stream, streams, url, maxLength, maxLengthApprox, ...rest } = redis;
  if ((stream === undefined) === (streams === undefined)) {
    context.addIssue({ code: "custom", path: ["redis"], message: "must have exactly one of stream, streams" });
  }
  if (url === undefined) {
    context.addIssue({ code: "custom", path: ["redis"], message: "must have exactly one of url, urlFile" });
  }
  if (maxLength !== undefined && maxLengthApprox !== undefined) {
    const message = "must have at most one of maxLength, maxLengthApprox: they are two names of one limit";
    context.addIssue({ code: "custom", path: ["redis"], message });
  }
  const length = maxLength ?? maxLengthApprox;
  const trim = length === undefined ? {} : { maxLengthApprox: length };
  return { ...rest, ...trim, url: url ?? "", streams: streams ?? [stream ?? ""] };
}
