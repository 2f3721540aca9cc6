import { Broadcaster } from "../../src/broadcast/broadcaster.ts";
import type { FollowEvent } from "../../src/bus/event_bus.ts";
import { ingest } from "../../src/gateway/ingest.ts";
import { HistoryChain } from "../../src/history/history_chain.ts";
import { HistoryHealth } from "../../src/history/history_health.ts";
import type { HistoryStore } from "../../src/history/history_store.ts";
import { HistoryStretches } from "../../src/history/history_stretches.ts";
import { HistoryWriter } from "../../src/history/history_writer.ts";
import { Spool } from "../../src/history/spool.ts";
import type { BusRecord } from "../../src/model/bus_record.ts";
import { PositionVector } from "../../src/model/position_vector.ts";
import { Journal, type JournalLimits } from "../../src/replay/journal.ts";
import type { ReplayHistory, ReplayLimits, Rung } from "../../src/replay/replay.ts";
import { BusStretches } from "../../src/replay/bus_stretches.ts";
import { ReplayTurns, type TurnLimits } from "../../src/replay/replay_turns.ts";
import { type PassLimits, ReadGate, SharedPasses } from "../../src/replay/shared_passes.ts";
import type { StreamContext } from "../../src/stream/open_stream.ts";
import type { StreamLimits } from "../../src/stream/stream_limits.ts";
import { StreamManager } from "../../src/stream/stream_manager.ts";
import type { ReplayOrigin } from "../../src/wire/control_events.ts";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";
import type { FakeLog } from "./fake_log.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** What the nodes of one run are made of. */
export interface NodeLimits {
  readonly journal: JournalLimits;
  readonly replay: ReplayLimits;
  readonly passes: PassLimits;
  readonly turns: TurnLimits;
  readonly recordsARead: number;
  readonly history: { readonly maxSpoolBytes: number; readonly maxAgeMs: number };
  readonly streams: StreamLimits;
  readonly maxConcurrentReads: number;
  readonly maxFlushDelayMs: number;
  /** Milliseconds that pass between two looks at the flush clock: above 2 the loop is behind, and frames wait for its timer. */
  readonly loopLagMs: number;
  readonly maxUnaskedBytes: number;
}

/** One gateway without its HTTP side and its middlewares: the real journal, broadcaster, streams and replay, on fake logs. */
export class SimulatedNode {
  readonly journal: Journal;
  readonly broadcaster: Broadcaster;
  readonly manager: StreamManager;
  readonly context: StreamContext;
  readonly failures: unknown[] = [];
  /** The deepest place of each replay that reached the head. */
  readonly origins: ReplayOrigin[] = [];
  readonly #logs: readonly FakeLog[];
  readonly #random: SeededRandom;
  readonly #writer: HistoryWriter;
  readonly #chains: HistoryChain[] = [];
  readonly #sinks: readonly ((event: FollowEvent) => Promise<void> | void)[];

  /** @param store what the nodes share */
  constructor(
    name: string,
    logs: readonly FakeLog[],
    store: HistoryStore,
    limits: NodeLimits,
    random: SeededRandom,
  ) {
    this.#logs = logs;
    this.#random = random;
    this.journal = new Journal(limits.journal, startOf(logs, random));
    this.broadcaster = new Broadcaster(limits.maxFlushDelayMs, () => {}, laggingClock(limits.loopLagMs));
    this.manager = new StreamManager({
      limits: limits.streams,
      journal: this.journal,
      broadcaster: this.broadcaster,
      formatOf: (source) => logs.find((log) => log.source === source)?.format ?? "integer",
      observer: { opened: () => {}, ended: () => {}, refused: () => {}, shed: () => {} },
      random: () => random.next(),
      maxUnaskedBytes: limits.maxUnaskedBytes,
    });
    const gate = new ReadGate(limits.maxConcurrentReads);
    const health = new HistoryHealth(() => {});
    const writer = this.#writer = new HistoryWriter({
      store,
      health,
      spool: new Spool(limits.history.maxSpoolBytes, () => {}),
      maxAgeMs: limits.history.maxAgeMs,
      keepRuns: (lingeredMs) => this.#chains.forEach((chain) => chain.keepRuns(lingeredMs)),
      cover: () => this.#chains.forEach((chain) => chain.cover()),
      isForeign: (key, entry) => this.#chains.some((chain) => chain.isBeyond(key, entry)),
      keys: () => this.#chains.flatMap(({ keys }) => keys),
      onWritten: () => {},
    });
    const chains = logs.map((log, sourceIndex) => {
      const start = this.journal.positions.sources[sourceIndex];
      if (log.format !== "integer" || start === undefined) return undefined;
      const sink = { keep: writer.keep.bind(writer), void: writer.void.bind(writer) };
      const chain = new HistoryChain(sink, keyOf(log), { epoch: start.epoch, next: start.next }, Date.now);
      this.#chains.push(chain);
      return chain;
    });
    const redisOf = (log: FakeLog, sourceIndex: number): readonly Rung[] => {
      if (log.format !== "integer") return [];
      const isVoid = (key: string) => writer.isVoid(key);
      const stretches = new HistoryStretches({ store, health, sourceIndex, keyOf: keyOf(log), isVoid });
      const passes = new SharedPasses(stretches, limits.passes, gate, () => performance.now());
      return [{ origin: "redis", passes }];
    };
    this.context = {
      manager: this.manager,
      replay: {
        journal: this.journal,
        histories: logs.map((log, sourceIndex) => historyOf(log, sourceIndex, redisOf(log, sourceIndex), limits, gate)),
        limits: limits.replay,
        turns: new ReplayTurns(limits.turns),
      },
      heartbeatMs: limits.streams.heartbeatMs,
      node: name,
      allowEarliest: true,
      onReplayed: (origin) => this.origins.push(origin),
      onFailure: (_, error) => this.failures.push(error),
    };
    this.#sinks = logs.map((log, sourceIndex) =>
      ingest({
        source: log.source,
        sourceIndex,
        pipeline: pipelineOf(log),
        journal: this.journal,
        broadcaster: this.broadcaster,
        history: chains[sourceIndex],
        observer: {
          mapped: () => {},
          dropped: () => {},
          deadLetter: (_partition, _record, _reason, detail) => this.failures.push(detail),
          gap: () => {},
          stateChanged: () => {},
        },
      })
    );
  }

  /** Reads a little of one log, as its follow would; false when there was nothing. */
  read(sourceIndex: number, maxRecords: number): boolean {
    const log = this.#logs[sourceIndex];
    const known = this.journal.positions.sources[sourceIndex];
    if (log === undefined || known === undefined) return false;
    if (known.epoch !== log.epoch) {
      this.#sinks[sourceIndex]?.({ kind: "epoch-changed", bounds: log.boundsNow() });
      return true;
    }
    if (known.next.length < log.partitionCount && this.#random.chance(0.5)) {
      const partitions = new Map([...log.boundsNow().partitions].slice(known.next.length));
      this.#sinks[sourceIndex]?.({ kind: "partitions-added", partitions });
      return true;
    }
    const behind = [...known.next.keys()].filter((partition) => log.batch(partition, known.next[partition] ?? 0n, 1));
    if (behind.length === 0) return known.next.length < log.partitionCount;
    const partition = this.#random.pick(behind);
    const next = known.next[partition] ?? 0n;
    // Sometimes a bus repeats itself.
    const first = log.boundsNow().partitions.get(partition)?.first ?? next;
    const from = this.#random.chance(0.03) && next - 3n > first ? next - 3n : next;
    const event = log.batch(partition, from, maxRecords);
    if (event !== undefined) this.#sinks[sourceIndex]?.(event);
    return true;
  }

  /** One round of what brings its events to the store. */
  async writeHistory(): Promise<void> {
    // What a clock does elsewhere, at any moment: it ends runs that others have not ended, and covers what nobody may see.
    const lingeredMs = this.#random.pick([0, 250]);
    const covers = this.#random.chance(0.3);
    for (const chain of this.#chains) {
      chain.keepRuns(lingeredMs);
      if (covers) chain.cover();
    }
    await this.#writer.write();
  }

  /** Everything there is. */
  readAll(): void {
    for (const sourceIndex of this.#logs.keys()) while (this.read(sourceIndex, 50));
  }

  [Symbol.dispose](): void {
    this.manager[Symbol.dispose]();
    this.broadcaster[Symbol.dispose]();
  }
}

/** A node that starts reads back a part of each log, or nothing. */
function startOf(logs: readonly FakeLog[], random: SeededRandom): PositionVector {
  return new PositionVector(logs.map((log) => {
    const next = [...log.boundsNow().partitions.values()].map(({ first, next }) => {
      if (log.format === "ms-seq" || random.chance(0.3)) return random.chance(0.5) ? first : next;
      return first + BigInt(Math.floor(Number(next - first) * random.next()));
    });
    return { source: log.source, format: log.format, epoch: log.epoch, next };
  }));
}

function pipelineOf(log: FakeLog) {
  const mapRecord = (_source: string, record: BusRecord) => log.outcomeOf(record);
  return {
    mapRecord,
    mapBatch: (_source: string, _partition: number, records: readonly BusRecord[]) =>
      records.map((record) => log.outcomeOf(record)),
  };
}

function keyOf(log: FakeLog): (epoch: string, partition: number) => string {
  return (epoch, partition) => `${log.source}/${epoch}/${partition}`;
}

function historyOf(
  log: FakeLog,
  sourceIndex: number,
  above: readonly Rung[],
  limits: NodeLimits,
  gate: ReadGate,
): ReplayHistory {
  const source = {
    readRange: log.readRange.bind(log),
    bounds: () => log.bounds(),
    framesOf: (partition: number, records: readonly BusRecord[]): Frame[] =>
      records.flatMap((record) => {
        const outcome = log.outcomeOf(record);
        if (outcome.kind !== "messages") return [];
        const place = { seq: -1, sourceIndex, partition, offset: record.offset };
        return outcome.messages.map((message) => encodeFrame(message, "", place));
      }),
  };
  const stretches = new BusStretches(source, limits.recordsARead);
  const passes = new SharedPasses(stretches, limits.passes, gate, () => performance.now());
  return { rungs: [...above, { origin: "bus", passes }], bounds: () => stretches.bounds() };
}

function laggingClock(lagMs: number): () => number {
  let looks = 0;
  return () => performance.now() + lagMs * looks++;
}
