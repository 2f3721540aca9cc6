import { HISTORY_RELATIONS } from "./history_relations.ts";
import { findSourceProblems } from "./mapping_problems.ts";
import type { Config } from "./schema.ts";
import { broken, type BrokenRelation, type Relation } from "./relation.ts";
import type { SettingPath } from "./setting_tree.ts";

/** Every relation between settings. */
export const RELATIONS: readonly Relation[] = [
  {
    rule: "`streams.heartbeat` is at most half of `streams.maxLifetime`, so that every stream shows signs of life.",
    sections: ["streams"],
    severity: "error",
    find: ({ streams }) =>
      broken(
        streams.heartbeatMs * 2 > streams.maxLifetimeMs,
        ["streams", "heartbeat"],
        `must be at most half of streams.maxLifetime (${streams.maxLifetimeMs} ms); it is ${streams.heartbeatMs} ms`,
      ),
  },
  {
    rule: "`streams.retry.min` is at most `streams.retry.max`, and so for `streams.refusalRetry`.",
    sections: ["streams"],
    severity: "error",
    find: ({ streams }) =>
      (["retry", "refusalRetry"] as const).flatMap((key) =>
        broken(
          streams[key].minMs > streams[key].maxMs,
          ["streams", key, "min"],
          `must be at most streams.${key}.max (${streams[key].maxMs} ms); it is ${streams[key].minMs} ms`,
        )
      ),
  },
  {
    rule: "`streams.maxPerPrincipal` is at most `streams.maxTotal`.",
    sections: ["streams"],
    severity: "error",
    find: ({ streams }) =>
      broken(
        streams.maxPerPrincipal > streams.maxTotal,
        ["streams", "maxPerPrincipal"],
        `must be at most streams.maxTotal (${streams.maxTotal}); it is ${streams.maxPerPrincipal}`,
      ),
  },
  {
    rule:
      "`streams.sendQueue.maxBytes` holds at least one frame of `streams.maxFrameBytes`; else that frame could never be sent.",
    sections: ["streams"],
    severity: "error",
    find: ({ streams }) =>
      broken(
        streams.sendQueue.maxBytes < streams.maxFrameBytes,
        ["streams", "sendQueue", "maxBytes"],
        `must be at least streams.maxFrameBytes (${streams.maxFrameBytes} B); it is ${streams.sendQueue.maxBytes} B`,
      ),
  },
  {
    rule: "`streams.writeStall` is shorter than `streams.maxLifetime`; else it would never be reached.",
    sections: ["streams"],
    severity: "error",
    find: ({ streams }) =>
      broken(
        streams.writeStallMs >= streams.maxLifetimeMs,
        ["streams", "writeStall"],
        `must be less than streams.maxLifetime (${streams.maxLifetimeMs} ms); it is ${streams.writeStallMs} ms`,
      ),
  },
  {
    rule: "`streams.flush.maxDelay` is less than `streams.heartbeat`.",
    sections: ["streams"],
    severity: "error",
    find: ({ streams }) =>
      broken(
        streams.flush.maxDelayMs >= streams.heartbeatMs,
        ["streams", "flush", "maxDelay"],
        `must be less than streams.heartbeat (${streams.heartbeatMs} ms); it is ${streams.flush.maxDelayMs} ms`,
      ),
  },
  {
    rule: "`journal.maxBytes` holds at least one frame of `streams.maxFrameBytes`.",
    sections: ["journal", "streams"],
    severity: "error",
    find: ({ journal, streams }) =>
      broken(
        journal.maxBytes < streams.maxFrameBytes,
        ["journal", "maxBytes"],
        `must be at least streams.maxFrameBytes (${streams.maxFrameBytes} B); it is ${journal.maxBytes} B`,
      ),
  },
  {
    rule: "`replay.maxBytes` holds at least one frame of `streams.maxFrameBytes`.",
    sections: ["replay", "streams"],
    severity: "error",
    find: ({ replay, streams }) =>
      broken(
        replay.maxBytes < streams.maxFrameBytes,
        ["replay", "maxBytes"],
        `must be at least streams.maxFrameBytes (${streams.maxFrameBytes} B); it is ${replay.maxBytes} B`,
      ),
  },
  {
    rule: "`journal.maxEvents` is at least `replay.maxEvents`: what one reconnect may ask for shall fit in memory.",
    sections: ["journal", "replay"],
    severity: "warning",
    find: ({ journal, replay }) =>
      broken(
        journal.maxEvents < replay.maxEvents,
        ["journal", "maxEvents"],
        `is less than replay.maxEvents (${replay.maxEvents}), so that large replays always read the bus; it is ${journal.maxEvents}`,
      ),
  },
  {
    rule:
      "`replay.maxAge` is at least `journal.maxAge`: it is asked only beyond the journal, which replays all that it holds. (A warning.)",
    sections: ["replay", "journal"],
    severity: "warning",
    find: ({ replay, journal }) =>
      broken(
        replay.maxAgeMs < journal.maxAgeMs,
        ["replay", "maxAge"],
        `is less than journal.maxAge (${journal.maxAgeMs} ms): up to that age events are replayed all the same; lower journal.maxAge too`,
      ),
  },
  ...HISTORY_RELATIONS,
  {
    rule:
      "`drain.window` is less than `streams.maxLifetime`: a deploy shall not wait for streams that end by themselves.",
    sections: ["drain", "streams"],
    severity: "error",
    find: ({ drain, streams }) =>
      broken(
        drain.windowMs >= streams.maxLifetimeMs,
        ["drain", "window"],
        `must be less than streams.maxLifetime (${streams.maxLifetimeMs} ms); it is ${drain.windowMs} ms`,
      ),
  },
  {
    rule: "`server.port` and `server.adminPort` differ.",
    sections: ["server"],
    severity: "error",
    find: ({ server }) =>
      broken(
        server.port !== 0 && server.port === server.adminPort,
        ["server", "adminPort"],
        `must differ from server.port; both are ${server.port}`,
      ),
  },
  {
    rule: "`publish.source` is a configured source of the format `tidegate`, and not the one that takes dead letters.",
    sections: ["publish", "sources", "mappings"],
    severity: "error",
    find: findPublishProblems,
  },
  {
    rule: "`publish.rate.burst` is at least `publish.maxBatch`; else the largest batch could never be published.",
    sections: ["publish"],
    severity: "error",
    find: ({ publish: { rate, maxBatch } }) =>
      broken(
        rate.burst < maxBatch,
        ["publish", "rate", "burst"],
        `must be at least publish.maxBatch (${maxBatch}); it is ${rate.burst}`,
      ),
  },
  {
    rule: "`outbox.source` is a configured source of the format `tidegate`, and not the one that takes dead letters.",
    sections: ["outbox", "sources", "mappings"],
    severity: "error",
    find: findOutboxProblems,
  },
  {
    rule: "`outbox` goes to a source that outlives the process; else a crash loses what was deleted from the table.",
    sections: ["outbox", "sources"],
    severity: "warning",
    find: ({ outbox, sources }) => {
      const source = ownSource(sources, outbox.source);
      return broken(
        outbox.url !== undefined && source?.kind === "embedded" && source.embedded.path === undefined,
        ["outbox", "source"],
        "is an embedded log in memory: what was published from the table is lost when the process ends",
      );
    },
  },
  {
    rule: "`mappings` names configured sources only, and no rule reads one of the format `tidegate`.",
    sections: ["mappings", "sources"],
    severity: "error",
    find: ({ mappings, sources }) => {
      const formats = new Map(Object.entries(sources).map(([name, { format }]) => [name, format]));
      return findSourceProblems(mappings, formats)
        .map(({ path, message }) => ({ path: ["mappings", ...path], message }));
    },
  },
  {
    rule: "All partitions known from the configuration fit in a cursor of 2 KiB.",
    sections: ["sources", "mappings"],
    severity: "error",
    find: findWideCursor,
  },
  {
    rule: "`dev.enabled` needs `server.host` to be loopback: development tokens are for nobody else.",
    sections: ["dev", "server"],
    severity: "error",
    find: ({ dev, server }) =>
      broken(
        dev.enabled && !isLoopback(server.host),
        ["dev", "enabled"],
        `must be false unless server.host is loopback; it is ${JSON.stringify(server.host)}`,
      ),
  },
  {
    rule: "`auth.issuers` is not empty outside of development; else every request is refused.",
    sections: ["auth", "dev"],
    severity: "warning",
    find: ({ auth, dev }) =>
      broken(
        auth.issuers.length === 0 && !dev.enabled,
        ["auth", "issuers"],
        "is empty, so every stream is refused with 401; name who signs tokens, or start with --dev",
      ),
  },
];

function findPublishProblems({ publish, ...config }: Config): readonly BrokenRelation[] {
  return publish.source === undefined ? [] : findTargetProblems(["publish", "source"], publish.source, config);
}

function findOutboxProblems({ outbox, ...config }: Config): readonly BrokenRelation[] {
  if (outbox.url === undefined) return [];
  const path = ["outbox", "source"];
  if (outbox.source !== undefined) return findTargetProblems(path, outbox.source, config);
  return [{ path, message: "must name the source that the rows are published to" }];
}

/** What a source must be for the gateway itself to write into it. */
function findTargetProblems(
  path: SettingPath,
  target: string,
  { sources, mappings }: Pick<Config, "sources" | "mappings">,
): readonly BrokenRelation[] {
  const source = ownSource(sources, target);
  const name = JSON.stringify(target);
  if (source === undefined) {
    return [{ path, message: `must be a configured source: ${Object.keys(sources).join(", ")}; it is ${name}` }];
  }
  if (target === mappings.deadLetter.source) {
    return [{ path, message: `must not be mappings.deadLetter.source; both are ${name}` }];
  }
  return broken(
    source.format !== "tidegate",
    path,
    `must be a source of the format tidegate; ${name} has the format ${source.format}`,
  );
}

/** Own entries only: a source's name could be that of something every object inherits. */
function ownSource(sources: Config["sources"], name: string | undefined): Config["sources"][string] | undefined {
  return name !== undefined && Object.hasOwn(sources, name) ? sources[name] : undefined;
}

/*
 * The widest cursor, by the same reckoning as the one that writes them: an identity, a head for each source, a number
 * for each partition, two for an entry ID. A topic's partitions are known only to its brokers; it counts as one here,
 * and is counted again when it is attached.
 */
const MAX_CURSOR_CHARACTERS = 2_048;
const IDENTITY_CHARACTERS = 50;
const SOURCE_CHARACTERS = 22;
const OFFSET_CHARACTERS = 10;
const ENTRY_ID_CHARACTERS = 14;

function findWideCursor({ sources, mappings }: Config): readonly BrokenRelation[] {
  const followed = Object.entries(sources).filter(([name]) => name !== mappings.deadLetter.source);
  const longestName = Math.max(0, ...followed.map(([name]) => name.length));
  let characters = IDENTITY_CHARACTERS + longestName;
  for (const [, source] of followed) {
    characters += SOURCE_CHARACTERS + (
      source.kind === "redis"
        ? source.redis.streams.length * ENTRY_ID_CHARACTERS
        : (source.kind === "embedded" ? source.embedded.partitions : 1) * OFFSET_CHARACTERS
    );
  }
  return broken(
    characters > MAX_CURSOR_CHARACTERS,
    ["sources"],
    `has so many partitions that a cursor could take ${characters} characters, more than ${MAX_CURSOR_CHARACTERS}; split them over several gateways`,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}
