import * as z from "zod";
import { byteSize } from "./byte_size.ts";
import { duration } from "./duration.ts";
import { section } from "./section.ts";

/** `journal`: this node's memory of recent frames. */
export const journalSchema = section({
  maxEvents: z.int().min(1).max(10_000_000).default(100_000)
    .describe("Most events kept in memory; the oldest go first."),
  maxBytes: byteSize("64KiB", "64GiB").prefault("256MiB")
    .describe("Most bytes of frames kept in memory: the largest single share of the process's memory."),
  maxAge: duration("1s", "7d").prefault("15m")
    .describe(
      "How long an event is kept in memory. Longer than a stream's lifetime and a deploy, so that ordinary reconnects never touch the bus.",
    ),
});

/** `replay`: what one reconnect may ask for. */
export const replaySchema = section({
  maxEvents: z.int().min(1).max(1_000_000).default(10_000)
    .describe("Most events that one reconnect replays; beyond, a gap with `resync: true` instead of a partial flood."),
  maxBytes: byteSize("64KiB", "1GiB").prefault("16MiB")
    .describe("Most bytes that one reconnect replays."),
  maxAge: duration("1s", "3650d").prefault("1d")
    .describe(
      "How old the first missed event may be; who was away longer gets a gap with `resync: true`. It is seen when the first records beyond the journal are read, by the time that they carry.",
    ),
  maxConcurrent: z.int().min(1).max(10_000).default(64)
    .describe("Most replays from a bus at once; the next ones wait. Replays from the journal do not count."),
  maxUnderWay: z.int().min(1).max(1_000_000).default(5_000)
    .describe(
      "Most replays that have begun and are not at the head, those that wait included; beyond, a stream with a cursor is refused softly as `overloaded`.",
    ),
  maxInFlightBytes: byteSize("64KiB", "64GiB").prefault("64MiB")
    .describe(
      "Most bytes that all replays together have handed out and their clients have not taken; beyond, replays wait. Bounds memory when a crowd comes back.",
    ),
  allowEarliest: z.boolean().default(true)
    .describe(
      "Whether a client may ask for `earliest`, within the limits above. When off it is answered as `now`, with a gap.",
    ),
});

/** `drain`: how the gateway ends. */
export const drainSchema = section({
  window: duration("0s", "10m").prefault("10s")
    .describe(
      "After SIGTERM every stream is closed at a random moment of this window. The process ends at most 5 s after it; give the supervisor more than that.",
    ),
});
