import * as z from "zod";
import { byteSize } from "./byte_size.ts";
import { duration } from "./duration.ts";
import { section } from "./section.ts";

/** `streams`: one open connection, and all of them together. */
export const streamsSchema = section({
  heartbeat: duration("1s", "1m").prefault("15s")
    .describe(
      "Longest silence on a stream; then a comment or a checkpoint is sent. Well under the 60 s after which proxies cut idle connections.",
    ),
  maxLifetime: duration("10s", "24h").prefault("10m")
    .describe(
      "A stream ends by itself after this time and the client resumes; bounds half-open sockets and spreads clients over the nodes.",
    ),
  lifetimeJitter: z.number().min(0).max(0.5).default(0.2)
    .describe(
      "Share of maxLifetime by which each stream's own lifetime varies up and down, so that streams opened together do not end together.",
    ),
  maxTotal: z.int().min(1).max(1_000_000).default(10_000)
    .describe(
      "Most open streams on this node; beyond, a soft refusal `connection-limit`. About 70 KB of memory each. As many requests may wait for their turn to be opened; beyond, `overloaded`.",
    ),
  maxPerPrincipal: z.int().min(1).max(10_000).default(20)
    .describe("Most open streams of one principal on this node: a few devices with several tabs each."),
  maxScopes: z.int().min(1).max(10_000).default(128)
    .describe("Most scopes that one stream subscribes to."),
  maxEventPatterns: z.int().min(1).max(1_000).default(64)
    .describe("Most `event` patterns of one stream."),
  maxFrameBytes: byteSize("1KiB", "16MiB").prefault("1MiB")
    .describe(
      "Largest encoded event; a larger one goes to the dead letter. The size of the largest record that brokers take by default.",
    ),
  sendQueue: section({
    maxFrames: z.int().min(16).max(1_000_000).default(1_000)
      .describe(
        "Most frames that wait for one slow reader. Beyond, low priority is dropped and announced; then the stream is closed as a slow consumer.",
      ),
    maxBytes: byteSize("16KiB", "256MiB").prefault("1MiB")
      .describe("Most bytes that wait for one slow reader; never less than the largest frame."),
  }).prefault({})
    .describe("What waits for one slow reader."),
  writeStall: duration("1s", "10m").prefault("10s")
    .describe("A reader that takes nothing for this long while frames wait is closed as a slow consumer."),
  retry: section({
    min: duration("1s", "10m").prefault("2s")
      .describe("Shortest reconnect delay told to a client."),
    max: duration("1s", "10m").prefault("8s")
      .describe(
        "Longest reconnect delay told to a client. Each connection draws its own between the two, so that a restart is not answered by a herd.",
      ),
  }).prefault({})
    .describe("The reconnect delay that a stream tells its client."),
  refusalRetry: section({
    min: duration("1s", "1h").prefault("5s")
      .describe("Shortest reconnect delay when draining, overloaded or refused."),
    max: duration("1s", "1h").prefault("60s")
      .describe("Longest reconnect delay when draining, overloaded or refused."),
  }).prefault({})
    .describe("The reconnect delay of a refusal, and while draining."),
  flush: section({
    maxDelay: duration("0ms", "1s").prefault("20ms")
      .describe(
        "Widest window over which frames are gathered while the loop is behind. Idle streams are flushed at once; 0ms never gathers.",
      ),
  }).prefault({})
    .describe("How frames are gathered into one write."),
  openRate: section({
    perSecond: z.number().min(0.01).max(10_000).default(5)
      .describe(
        "Streams that one principal may open in a second, in the long run. A reconnect loop without a pause makes hundreds.",
      ),
    burst: z.int().min(1).max(100_000).default(100)
      .describe(
        "Streams that one principal may open at once after a rest: all of its tabs and devices come back after a deploy, some twice.",
      ),
    maxPrincipals: z.int().min(1).max(10_000_000).default(100_000)
      .describe("Most principals whose rate is remembered; beyond, the one that was quiet for longest is forgotten."),
  }).prefault({})
    .describe("How fast one principal may open streams; beyond, a soft refusal `rate-limited`."),
  pollRate: section({
    perSecond: z.number().min(0.01).max(10_000).default(20)
      .describe(
        "Polls that one principal may make in a second, in the long run. While events keep coming, a client that waits 250 ms between two makes 4 a tab.",
      ),
    burst: z.int().min(1).max(100_000).default(200)
      .describe("Polls that one principal may make at once after a rest."),
  }).prefault({})
    .describe(
      "How fast one principal may poll; beyond, 429 with the reason `rate-limited`. As many principals are remembered as by openRate.",
    ),
  tokenWarning: duration("0s", "1h").prefault("60s")
    .describe(
      "How long before a token's end `stream.token-expiring` is sent: time enough to fetch a new one. Half of what is left of the token, where that is less.",
    ),
});
