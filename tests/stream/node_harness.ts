import { BusStretches } from "../../src/replay/bus_stretches.ts";
import { ReplayTurns } from "../../src/replay/replay_turns.ts";
import { ReadGate, SharedPasses } from "../../src/replay/shared_passes.ts";
import type { StreamContext } from "../../src/stream/open_stream.ts";
import { FakeHistory } from "../replay/fake_history.ts";
import { StreamHarness, type StreamSetup } from "./stream_harness.ts";

/** A node that has read so many events of its one log. */
export class NodeHarness extends StreamHarness {
  readonly history = new FakeHistory("epoch of s0", 0n);
  readonly context: StreamContext;
  readonly turns = new ReplayTurns({ maxUnderWay: 2, maxInFlightBytes: 1e9 }, () => 0);
  readonly failures: unknown[] = [];

  constructor(events: number, setup: StreamSetup & { readonly allowEarliest?: boolean } = {}) {
    super(setup);
    const stretches = new BusStretches(this.history, 100);
    const passes = new SharedPasses(
      stretches,
      { minOffsets: 0n, keepMs: 0, maxKeptBytes: 0 },
      new ReadGate(1),
      () => performance.now(),
    );
    const histories = [{ rungs: [{ origin: "bus" as const, passes }], bounds: () => stretches.bounds() }];
    const limits = {
      maxEvents: 1_000,
      maxBytes: 1e9,
      maxScannedRecords: 1e6,
      maxAheadWaitMs: 5_000,
      maxUnreadableMs: 0,
    };
    this.context = {
      manager: this.manager,
      replay: { journal: this.journal, histories, limits, turns: this.turns },
      heartbeatMs: 15_000,
      node: "n1",
      allowEarliest: setup.allowEarliest ?? true,
      onReplayed: () => {},
      onFailure: (_, error) => this.failures.push(error),
    };
    this.deliver(events);
    this.history.end = BigInt(events);
  }
}
