import type { EventBus } from "../bus/event_bus.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { BusStretches } from "../replay/bus_stretches.ts";
import type { ReplayHistory, Rung } from "../replay/replay.ts";
import { type ReadGate, SharedPasses, type StretchSource } from "../replay/shared_passes.ts";
import { framesOf } from "./frames_of.ts";

/** Records that one shared read takes from a bus: some 20 ms of Kafka, and little enough to share the loop. */
const RECORDS_A_READ = 1_000;
/** `keepMs` is longer than the spread of a crowd that comes back after a restart. */
const PASS_LIMITS = { keepMs: 15_000, maxKeptBytes: 64 * 1024 * 1024 };
/** A Redis Stream's offsets cannot be counted, and it gives single records: nothing is won by reading ahead there. */
const MIN_OFFSETS = { "integer": BigInt(RECORDS_A_READ), "ms-seq": 0n };

/** What the ladder of one source is made of. */
export interface LadderInit {
  readonly bus: EventBus;
  readonly sourceIndex: number;
  readonly pipeline: Pipeline;
  readonly maxFrameBytes: number;
  /** What is kept in Redis, where it is. */
  readonly redis: StretchSource | undefined;
  /** Shared by all sources. */
  readonly gate: ReadGate;
}

/** A source's past beyond the journal: the rungs that replays climb, the log itself last. */
export function replayLadder({ bus, sourceIndex, pipeline, maxFrameBytes, redis, gate }: LadderInit): ReplayHistory {
  const stretches = new BusStretches({
    readRange: bus.readRange.bind(bus),
    bounds: () => bus.bounds(),
    framesOf: (partition, records) =>
      framesOf(pipeline, { source: bus.source, sourceIndex, partition }, records, maxFrameBytes),
  }, RECORDS_A_READ);
  const limits = { ...PASS_LIMITS, minOffsets: MIN_OFFSETS[bus.offsetFormat] };
  const passesOf = (source: StretchSource) => new SharedPasses(source, limits, gate, () => performance.now());
  const above: readonly Rung[] = redis === undefined ? [] : [{ origin: "redis", passes: passesOf(redis) }];
  return {
    rungs: [...above, { origin: "bus", passes: passesOf(stretches) }],
    bounds: () => stretches.bounds(),
  };
}
