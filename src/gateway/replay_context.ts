import type { Config } from "../config/schema.ts";
import type { HistoryChain } from "../history/history_chain.ts";
import type { RedisHistory } from "../history/redis_history.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import type { PositionVector } from "../model/position_vector.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Journal } from "../replay/journal.ts";
import type { ReplayContext } from "../replay/replay.ts";
import { ReplayTurns } from "../replay/replay_turns.ts";
import { ReadGate, type StretchSource } from "../replay/shared_passes.ts";
import { type AttachedSource, inOrder } from "./attach_sources.ts";
import { replayLadder } from "./replay_ladder.ts";
import { mappingOf } from "./start_history.ts";

/** Reads further than this behind the journal cost the bus more than a client's own re-read of its state. */
const SCANNED_RECORDS_PER_EVENT = 100;
const MAX_AHEAD_WAIT_MS = 5_000;
/**
 * A broker that is restarted is back by then. Whoever came for the past of one that is not goes on with a gap, for the other
 * sources' sake; and before a poll gives up.
 */
const MAX_UNREADABLE_MS = 20_000;

/** What a node's replays are made of. */
export interface ReplayContextInit {
  readonly config: Config;
  readonly metrics: GatewayMetrics;
  readonly pipeline: Pipeline;
  readonly journal: Journal;
  readonly sources: readonly AttachedSource[];
  /** By the sources' order; none for a source that is kept nowhere else. */
  readonly kept: readonly (KeptSource | undefined)[];
}

/** A source's way into the history, and out of it. */
export interface KeptSource {
  readonly chain: HistoryChain;
  readonly stretches: StretchSource;
}

/**
 * The sources whose events are kept in the history: Kafka's. A Redis Stream is its own history, on the same kind of server;
 * so is an embedded log on disk, and one in memory is another log after a restart, whose cursors mean nothing.
 */
export function keptSources(
  history: RedisHistory | undefined,
  config: Config,
  sources: readonly AttachedSource[],
  start: PositionVector,
): readonly (KeptSource | undefined)[] {
  return start.sources.map(({ source, epoch, next }, sourceIndex) => {
    const isKafka = Object.hasOwn(config.sources, source) && config.sources[source]?.kind === "kafka";
    const attached = sources[sourceIndex];
    if (!isKafka || attached === undefined) return undefined;
    const { bounds, askedAtMs } = attached;
    const ends = { next: inOrder(bounds).map((partition) => partition.next), askedAtMs };
    return history?.source(source, sourceIndex, mappingOf(config, source), { epoch, next, ends });
  });
}

/** What the replays of this node work with, and the metrics that show them. */
export function replayContext(init: ReplayContextInit): ReplayContext {
  const { config: { replay, streams: { maxFrameBytes } }, metrics, pipeline, journal, sources, kept } = init;
  const gate = new ReadGate(replay.maxConcurrent);
  const turns = new ReplayTurns(replay);
  metrics.observe("tidegate_replays_under_way", "Replays that are not at the head", () => turns.underWay);
  metrics.observe("tidegate_replay_bytes", "Bytes of replays on their way", () => turns.bytesInFlight);
  return {
    journal,
    histories: sources.map(({ bus }, sourceIndex) =>
      replayLadder({ bus, sourceIndex, pipeline, maxFrameBytes, redis: kept[sourceIndex]?.stretches, gate })
    ),
    limits: {
      maxEvents: replay.maxEvents,
      maxBytes: replay.maxBytes,
      maxScannedRecords: replay.maxEvents * SCANNED_RECORDS_PER_EVENT,
      maxAgeMs: replay.maxAgeMs,
      maxAheadWaitMs: MAX_AHEAD_WAIT_MS,
      maxUnreadableMs: MAX_UNREADABLE_MS,
    },
    turns,
  };
}
