import * as z from "zod";
import { byteSize } from "./byte_size.ts";
import { duration } from "./duration.ts";
import { secret, secretFile } from "./secret.ts";
import { section } from "./section.ts";

const redisHistorySchema = section({
  url: secret().refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^rediss?:$/.test(url.protocol) && url.search === "" && /^\/?[0-9]*$/.test(url.pathname);
  }, { error: "must be a URL redis://user:password@host:port/database, or rediss:// for TLS" }).exactOptional()
    .describe("Redis 7.0 or later, the same for all nodes; `rediss://` for TLS. Without it no history is kept."),
  urlFile: secretFile().exactOptional()
    .describe("File that holds the URL."),
  prefix: z.string().regex(/^[A-Za-z0-9:_.-]{1,100}$/, { error: "must be 1 to 100 of A-Z a-z 0-9 : _ . -" })
    .default("tidegate")
    .describe("Begins every key: `<prefix>:history:<source>:<partition>:<incarnation>`."),
  maxLength: z.int().min(1).max(1_000_000_000).default(100_000)
    .describe("About how many offsets each partition reaches back in Redis (`MINID ~`): as many events, or fewer."),
  maxAge: duration("1m", "3650d").prefault("1d")
    .describe(
      "How long an event is kept in Redis, to the minute. A partition that nothing was written for so long is deleted.",
    ),
  maxSpoolBytes: byteSize("256KiB", "16GiB").prefault("32MiB")
    .describe(
      "Most bytes that wait in memory to be written. When Redis is away for longer the oldest are dropped: a break in the history, which is then read from the bus.",
    ),
  connectTimeout: duration("100ms", "1m").prefault("2s")
    .describe("Longest wait for a connection."),
  commandTimeout: duration("100ms", "1m").prefault("2s")
    .describe(
      "Longest wait for one answer; a hung Redis then counts as down, and replays go past it until it answers again.",
    ),
});

/** `history`: what is kept for replays, outside of the process. */
export const historySchema = section({
  redis: redisHistorySchema.prefault({})
    .describe("In Redis Streams, written by every node and read by any. Of Kafka sources; the others are their own."),
});
