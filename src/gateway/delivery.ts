import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import type { Broadcaster } from "../broadcast/broadcaster.ts";
import type { EventBus, FollowEvent } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import type { CloseReason } from "../model/close_reason.ts";
import type { Offset } from "../model/position.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import type { DeadLetterReason } from "../pipeline/mapping_outcome.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { Journal } from "../replay/journal.ts";
import type { Connection, EndReason } from "../stream/connection.ts";
import type { Reader } from "../stream/reader.ts";
import type { StreamContext } from "../stream/open_stream.ts";
import { StreamManager } from "../stream/stream_manager.ts";
import { sourceChanged } from "../wire/control_events.ts";
import type { Frame } from "../wire/frame.ts";
import type { HistoryChain } from "../history/history_chain.ts";
import type { RedisHistory } from "../history/redis_history.ts";
import { type AttachedSource, inOrder, startPositions } from "./attach_sources.ts";
import { backOff } from "./back_off.ts";
import type { DeadLetterWriter } from "./dead_letter_writer.ts";
import { ingest, type IngestObserver } from "./ingest.ts";
import { type KeptSource, keptSources, replayContext } from "./replay_context.ts";
import type { SourceStates } from "./source_states.ts";

/** What the way from the buses to the streams is made of. */
export interface DeliveryInit {
  readonly config: Config;
  readonly metrics: GatewayMetrics;
  readonly states: SourceStates;
  readonly broadcaster: Broadcaster;
  readonly deadLetters: DeadLetterWriter;
  readonly pipeline: Pipeline;
  /** Keeps events for replays outside of the process, where that is configured. */
  readonly history: RedisHistory | undefined;
  /** Sees all that passes, where an operator may look; nothing waits for it. */
  readonly watch: DeliveryWatch | undefined;
  /** See `StreamManagerInit`. */
  readonly shutOut: (reader: Reader) => CloseReason | undefined;
}

/** What an operator is shown of the way from the buses to the streams. */
export interface DeliveryWatch {
  broadcast(bus: EventBus, frames: readonly Frame[]): void;
  deadLetter(bus: EventBus, partition: number, offset: Offset, reason: DeadLetterReason, detail: string): void;
  sourceChanged(source: string, state: "warming" | "up" | "down"): void;
  ended(connection: Connection, reason: EndReason): void;
}

const log = getLogger(["tidegate", "gateway"]);

/**
 * Journal, broadcaster and streams, fed by every source: made when the sources are attached, because only then is
 * it known which positions a cursor has.
 */
export class Delivery {
  readonly #init: DeliveryInit;
  readonly #ready = Promise.withResolvers<void>();
  #streams: StreamContext | undefined;
  #isWarm = false;
  #isDraining = false;

  constructor(init: DeliveryInit) {
    this.#init = init;
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get streamCount(): number {
    return this.#streams?.manager.count ?? 0;
  }

  /** `undefined` until everything is warm. */
  get streamContext(): StreamContext | undefined {
    return this.#isWarm ? this.#streams : undefined;
  }

  /** `undefined` until the sources are attached. */
  get attached(): StreamContext | undefined {
    return this.#streams;
  }

  /** Counts a soft refusal and draws its delay, in milliseconds. */
  refuse(reason: CloseReason): number {
    this.#init.metrics.streamsRefused.inc({ reason });
    const { minMs, maxMs } = this.#init.config.streams.refusalRetry;
    return Math.round(minMs + Math.random() * (maxMs - minMs));
  }

  async drain(windowMs: number): Promise<void> {
    this.#isDraining = true;
    await this.#streams?.manager.drain(windowMs);
    this.#streams?.manager[Symbol.dispose]();
  }

  /** Follows the sources until the signal is aborted. */
  async run(sources: readonly AttachedSource[], signal: AbortSignal): Promise<void> {
    const start = startPositions(sources);
    const journal = this.#makeJournal(start);
    const kept = keptSources(this.#init.history, this.#init.config, sources, start);
    this.#streams = this.#makeStreams(journal, sources, kept);
    await Promise.all(
      sources.map((source, sourceIndex) =>
        this.#follow(journal, source, sourceIndex, kept[sourceIndex]?.chain, signal)
      ),
    );
  }

  #makeJournal(start: ReturnType<typeof startPositions>): Journal {
    const { config: { journal: limits, streams }, metrics } = this.#init;
    const journal = new Journal({ ...limits, maxFrameBytes: streams.maxFrameBytes }, start);
    metrics.observe("tidegate_journal_events", "Frames in the journal", () => journal.frameCount);
    metrics.observe("tidegate_journal_bytes", "Bytes of the journal", () => journal.byteCount);
    metrics.observe("tidegate_streams_open", "Open streams", () => this.streamCount);
    return journal;
  }

  #makeStreams(
    journal: Journal,
    sources: readonly AttachedSource[],
    kept: readonly (KeptSource | undefined)[],
  ): StreamContext {
    const { config, metrics, broadcaster, pipeline, watch, shutOut } = this.#init;
    const { streams, replay, server } = config;
    const formats = new Map(sources.map(({ bus }) => [bus.source, bus.offsetFormat]));
    const manager = new StreamManager({
      limits: streams,
      journal,
      broadcaster,
      formatOf: (source) => formats.get(source) ?? "integer",
      shutOut,
      observer: {
        opened: () => metrics.streamsOpened.inc(),
        ended: (reason, connection) => {
          metrics.streamsEnded.inc({ reason });
          watch?.ended(connection, reason);
        },
        refused: (reason) => metrics.streamsRefused.inc({ reason }),
        shed: (frames) => metrics.framesShed.inc(frames),
      },
    });
    return {
      manager,
      replay: replayContext({ config, metrics, pipeline, journal, sources, kept }),
      heartbeatMs: streams.heartbeatMs,
      node: server.node,
      allowEarliest: replay.allowEarliest,
      onReplayed: (origin) => metrics.replays.inc({ origin }),
      onFailure: (id, error) =>
        log.error("Cannot replay for stream {id}: {reason}", { id, reason: reasonOf(error), error }),
    };
  }

  /** Follows one source for ever: what the bus itself gives up on is tried again from where the journal stands. */
  async #follow(
    journal: Journal,
    { bus, bounds }: AttachedSource,
    sourceIndex: number,
    history: HistoryChain | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { pipeline, broadcaster, states } = this.#init;
    const targets = inOrder(bounds).map(({ next }) => next);
    const isWarm = () =>
      targets.every((next, partition) => (journal.positions.next(sourceIndex, partition) ?? 0n) >= next);
    const observer = this.#observerOf(bus, isWarm);
    const forgetPast = (partition: number) => {
      for (const { passes } of this.#streams?.replay.histories[sourceIndex]?.rungs ?? []) passes.forget(partition);
    };
    const ingestContext = {
      source: bus.source,
      sourceIndex,
      pipeline,
      journal,
      broadcaster,
      history,
      forgetPast,
      observer,
    };
    const sink = ingest(ingestContext);
    const warmingSink = async (event: FollowEvent): Promise<void> => {
      await sink(event);
      if (states.get(bus.source) === "warming" && isWarm()) this.#stateChanged(bus.source, "up");
    };
    states.set(bus.source, "warming");
    if (isWarm()) this.#stateChanged(bus.source, "up");
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await bus.follow(new Map(journal.positions.sources[sourceIndex]?.next.entries()), warmingSink, signal);
      } catch (error) {
        log.error("Cannot follow source {source}, trying again: {reason}", {
          source: bus.source,
          reason: reasonOf(error),
        });
        this.#stateChanged(bus.source, "down");
        await backOff(attempt, signal);
      }
    }
  }

  #observerOf(bus: EventBus, isWarm: () => boolean): IngestObserver {
    const { metrics, deadLetters, watch } = this.#init;
    const { source, offsetFormat } = bus;
    return {
      mapped: () => metrics.records.inc({ source, outcome: "mapped" }),
      broadcast: (frames) => watch?.broadcast(bus, frames),
      dropped: (by) => {
        metrics.records.inc({ source, outcome: "dropped" });
        metrics.recordsDropped.inc({ source, by });
      },
      deadLetter: (partition, record, reason, detail) => {
        metrics.records.inc({ source, outcome: "dead-letter" });
        metrics.deadLetters.inc({ source, reason });
        deadLetters.write({ source, partition, offsetFormat, reason, detail }, record);
        watch?.deadLetter(bus, partition, record.offset, reason, detail);
      },
      gap: (reason) => {
        metrics.gaps.inc({ source, reason });
        log.warn("Gap in source {source}: {reason}", { source, reason });
      },
      stateChanged: (state, detail) => {
        log.info("Source {source} is {state}: {detail}", { source, state, detail });
        this.#stateChanged(source, state === "down" ? "down" : isWarm() ? "up" : "warming");
      },
    };
  }

  #stateChanged(source: string, state: "warming" | "up" | "down"): void {
    const { states, metrics, watch } = this.#init;
    const before = states.get(source);
    if (!states.set(source, state)) return;
    watch?.sourceChanged(source, state);
    metrics.sourceUp.set({ source }, state === "up" ? 1 : 0);
    if (state === "down") this.#streams?.manager.tellAll(sourceChanged(source, "down"));
    if (before === "down" && state !== "down") this.#streams?.manager.tellAll(sourceChanged(source, "up"));
    if (!this.#isWarm && states.list().every((each) => each.state === "up")) {
      this.#isWarm = true;
      this.#ready.resolve();
    }
  }
}
