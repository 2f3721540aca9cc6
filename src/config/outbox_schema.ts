import * as z from "zod";
import { byteSize } from "./byte_size.ts";
import { duration } from "./duration.ts";
import { secret, secretFile } from "./secret.ts";
import { section } from "./section.ts";

/** Unquoted names of PostgreSQL, short enough for what is derived from them; they become part of SQL. */
const TABLE = /^(?:[a-z_][a-z0-9_]{0,47}\.)?[a-z_][a-z0-9_]{0,47}$/;
const CHANNEL = /^[a-z_][a-z0-9_]{0,62}$/;

/** `outbox`: the relay from a table of PostgreSQL into a source. */
export const outboxSchema = section({
  url: secret().refine((text) => URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol), {
    error: "must be a URL postgres://user:password@host:port/database",
  }).exactOptional()
    .describe("PostgreSQL with the application's outbox; `?sslmode=verify-full` for TLS. Without it no relay runs."),
  urlFile: secretFile().exactOptional()
    .describe("File that holds the URL."),
  table: z.string().regex(TABLE, {
    error: "must be a table's name of a-z 0-9 _, with its schema where needed: app.event_outbox",
  })
    .default("event_outbox")
    .describe("The outbox, which `tidegate outbox ddl` makes."),
  source: z.string().min(1).exactOptional()
    .describe("Source that the rows are published to; its format must be `tidegate`. Without it: that of `publish`."),
  batchSize: z.int().min(1).max(10_000).default(500)
    .describe("Most rows that are read, published and deleted at once."),
  maxBatchBytes: byteSize("64KiB", "256MiB").prefault("4MiB")
    .describe("Most bytes of data in one batch; a larger single row still goes."),
  pollInterval: duration("10ms", "1m").prefault("1s")
    .describe(
      "How often the table is looked at when nothing wakes the relay: the delay of a row without `listen`, and what another node needs to take over.",
    ),
  listen: z.boolean().default(true)
    .describe(
      "Be woken by NOTIFY, over a second connection. Nothing but delay depends on it; off behind a pooler that gives each transaction another connection.",
    ),
  channel: z.string().regex(CHANNEL, { error: "must be a channel's name of a-z 0-9 _" }).default("event_outbox")
    .describe("Channel of NOTIFY; the table's trigger names it too."),
  maxAttempts: z.int().min(1).max(100).default(5)
    .describe(
      "Refusals of one row, each while the source took other rows, after which it is set aside. A source that is away counts against nobody.",
    ),
  failedRetention: duration("1m", "3650d").prefault("7d")
    .describe("How long rows that were set aside stay in the table. Published rows are deleted at once."),
  connectTimeout: duration("100ms", "1m").prefault("5s")
    .describe("Longest wait for a connection to the database."),
  queryTimeout: duration("100ms", "5m").prefault("10s")
    .describe("Longest wait for one answer of the database; a hung server then counts as down."),
});

/** The section `outbox`. */
export type OutboxConfig = z.output<typeof outboxSchema>;
