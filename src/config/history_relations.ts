import { broken, type Relation } from "./relation.ts";

/** What the settings of `history` owe the others. */
export const HISTORY_RELATIONS: readonly Relation[] = [
  {
    rule: "`history.redis.maxSpoolBytes` holds at least one frame of `streams.maxFrameBytes`.",
    sections: ["history", "streams"],
    severity: "error",
    find: ({ history: { redis }, streams }) =>
      broken(
        redis.maxSpoolBytes < streams.maxFrameBytes,
        ["history", "redis", "maxSpoolBytes"],
        `must be at least streams.maxFrameBytes (${streams.maxFrameBytes} B); it is ${redis.maxSpoolBytes} B`,
      ),
  },
  {
    rule: "`history.redis` is for a Kafka source: the other sources are their own history.",
    sections: ["history", "sources"],
    severity: "warning",
    find: ({ history: { redis }, sources }) =>
      broken(
        redis.url !== undefined && Object.values(sources).every(({ kind }) => kind !== "kafka"),
        ["history", "redis", "url"],
        "is given, but no source is a Kafka topic, so that nothing is kept there",
      ),
  },
  {
    rule:
      "`history.redis.maxAge` is longer than `journal.maxAge`; else the history has nothing that the journal lacks.",
    sections: ["history", "journal"],
    severity: "warning",
    find: ({ history: { redis }, journal }) =>
      broken(
        redis.url !== undefined && redis.maxAgeMs <= journal.maxAgeMs,
        ["history", "redis", "maxAge"],
        `is not longer than journal.maxAge (${journal.maxAgeMs} ms); it is ${redis.maxAgeMs} ms`,
      ),
  },
];
