import type { SeededRandom } from "./seeded_random.ts";
import type { NodeLimits } from "./simulated_node.ts";

/** More than all that a run can write to one stream: no reader is ever slow. */
export const LARGE_BODY_BYTES = 65_536;

/** Bytes or milliseconds that no replay of a run reaches, whatever is done to its clocks. */
export const LARGE_LIMIT = 1_000_000_000;

/** Limits so small that they are met all the time, each in some of the runs. */
export function randomLimits(random: SeededRandom): NodeLimits {
  return {
    journal: {
      maxEvents: random.pick([3, 10, 30, 1_000]),
      maxBytes: random.pick([5_000, 1_000_000]),
      maxAgeMs: random.pick([1_000, 60_000]),
      maxFrameBytes: 100_000,
    },
    replay: {
      maxEvents: random.pick([5, 1_000, 1_000, 1_000]),
      maxBytes: random.pick([2_000, LARGE_LIMIT, LARGE_LIMIT, LARGE_LIMIT]),
      maxAgeMs: random.pick([500, LARGE_LIMIT, LARGE_LIMIT, LARGE_LIMIT]),
      maxScannedRecords: random.pick([15, 100_000_000, 100_000_000, 100_000_000]),
      maxAheadWaitMs: 5_000,
      maxUnreadableMs: random.pick([0, 2_000, 60_000]),
      pageFrames: random.pick([1, 3, 256]),
    },
    passes: {
      minOffsets: random.pick([0n, 10n, 1_000n]),
      keepMs: random.pick([0, 500, 15_000]),
      maxKeptBytes: random.pick([0, 2_000, 1_000_000]),
    },
    turns: { maxUnderWay: 1_000, maxInFlightBytes: random.pick([1, 2_000, 1_000_000]) },
    recordsARead: random.pick([1, 4, 1_000]),
    history: { maxSpoolBytes: random.pick([600, 3_000, 1_000_000]), maxAgeMs: random.pick([100_000, 1_000_000]) },
    streams: {
      heartbeatMs: 15_000,
      maxLifetimeMs: random.pick([20_000, 600_000]),
      lifetimeJitter: 0.2,
      maxTotal: 1_000,
      maxPerPrincipal: 1_000,
      sendQueue: { maxFrames: random.pick([3, 8, 1_000]), maxBytes: random.pick([3_000, 1_000_000]) },
      writeStallMs: 10_000,
      retry: { minMs: 2_000, maxMs: 8_000 },
      refusalRetry: { minMs: 5_000, maxMs: 60_000 },
      tokenWarningMs: 60_000,
    },
    maxConcurrentReads: random.pick([1, 4]),
    maxFlushDelayMs: random.pick([0, 20]),
    loopLagMs: random.pick([0, 5]),
    maxUnaskedBytes: random.pick([300, 1_000, LARGE_BODY_BYTES]),
  };
}
