/**
 * One load of traffic: opens the streams of a job, publishes at its pace, and reads what comes, all in one loop.
 */
import { busyCPUSeconds, cpuSeconds, memoryMB } from "../process_figures.ts";
import type { TrafficJob, TrafficResult } from "../load_job.ts";
import { ControlEventCounts } from "./control_event_counts.ts";
import { Ledger } from "./ledger.ts";
import { Epoll } from "./libc.ts";
import { seqOf } from "./payload.ts";
import { Publisher } from "./publisher.ts";
import { openAll, Streams } from "./streams.ts";
import { scopeSequence } from "./traffic.ts";

/** Events of a rate come in ticks, as from a program that looks for work so often. */
const TICK_MS = 1;
const MAX_EVENTS_A_WAIT = 4_096;
/** A herd, but not one that overflows an accept queue. */
const MAX_OPENING = 64;
const OPEN_TIMEOUT_MS = 60_000;
/** Nothing at all has come for so long although something is on its way: the load is stuck. */
const STALL_MS = 10_000;
const DRAIN_MS = 10_000;
const MAX_PROBLEMS = 20;

export function runTraffic(job: TrafficJob): TrafficResult {
  const load = new Load(job);
  load.open();
  return load.run();
}

class Load {
  readonly #job: TrafficJob;
  readonly #epoll = new Epoll(MAX_EVENTS_A_WAIT);
  readonly #ledger: Ledger;
  readonly #streams: Streams;
  readonly #publishers: readonly Publisher[];
  readonly #nextScope: () => number;
  readonly #controlEvents = new ControlEventCounts();
  readonly #payloadBeforeEnd: number;
  #connectMs = 0;
  #beforeMB = 0;
  #connectedMB = 0;
  #nowMs = performance.now();
  #paceFromMs = 0;
  #paced = 0;

  constructor(job: TrafficJob) {
    this.#job = job;
    this.#ledger = new Ledger(job.connections.map(({ scopes }) => scopes), job.scopes.length);
    this.#nextScope = scopeSequence(job.traffic);
    // Behind the payload stands the empty line, and the closing brace of Tidegate's envelope.
    this.#payloadBeforeEnd = job.payloadBytes + (job.publishing.kind === "tidegate" ? 3 : 2);
    const requests = job.connections.map(({ request }) => request);
    this.#streams = new Streams(job.port, requests, MAX_OPENING, this.#epoll, {
      minFrameBytes: job.payloadBytes,
      block: (stream, buffer, start, end) => this.#take(stream, buffer, start, end),
    });
    this.#publishers = Array.from({ length: job.publishing.connections }, (_, index) =>
      new Publisher({
        port: job.port,
        publishing: job.publishing,
        payloadBytes: job.payloadBytes,
        scopes: job.scopes,
        epoll: this.#epoll,
        tag: job.connections.length + index,
      }));
  }

  open(): void {
    const { pids, settleMs } = this.#job;
    this.#loopUntil(performance.now() + 100);
    this.#beforeMB = memoryMB(pids).rssMB;
    const startMs = performance.now();
    openAll(this.#streams, this.#epoll, OPEN_TIMEOUT_MS);
    this.#connectMs = performance.now() - startMs;
    this.#loopUntil(performance.now() + settleMs);
    this.#connectedMB = memoryMB(pids).rssMB;
  }

  run(): TrafficResult {
    const { pids, warmUpMs, measureMs } = this.#job;
    const ledger = this.#ledger;
    const warmUpEndMs = this.#startPace() + warmUpMs;
    this.#loadUntil(warmUpEndMs);
    const startMs = performance.now();
    ledger.measuredFromMs = startMs;
    const before = {
      deliveries: ledger.deliveries,
      server: cpuSeconds(pids),
      client: cpuSeconds([Deno.pid]),
      all: busyCPUSeconds(),
    };
    const publishedBefore = ledger.published;
    this.#loadUntil(startMs + measureMs);
    const endMs = performance.now();
    ledger.measuredUntilMs = endMs;
    const deliveries = ledger.deliveries - before.deliveries;
    const serverCPUSeconds = cpuSeconds(pids) - before.server;
    const clientCPUSeconds = cpuSeconds([Deno.pid]) - before.client;
    const otherCPUSeconds = Math.max(0, busyCPUSeconds() - before.all - serverCPUSeconds - clientCPUSeconds);
    const published = ledger.published - publishedBefore;
    const drainEndMs = endMs + DRAIN_MS;
    while (ledger.onTheWay > 0 && this.#nowMs < drainEndMs) this.#turn(10);
    const { rssMB, peakMB } = memoryMB(pids);
    const deliveriesOf = [...ledger.deliveriesOf];
    return {
      connections: this.#job.connections.length,
      connectMs: Math.round(this.#connectMs),
      failedConnections: this.#streams.failures.length,
      measuredMs: endMs - startMs,
      published,
      deliveries,
      deliveriesPerSecond: Math.round(deliveries * 1_000 / (endMs - startMs)),
      lost: ledger.missing,
      duplicates: ledger.duplicates,
      outOfOrder: this.#job.publishing.turns === "scope" ? ledger.outOfOrder : 0,
      outOfOrderAcrossScopes: ledger.outOfOrderAcrossScopes,
      leastDeliveriesOfAConnection: deliveriesOf.reduce((least, each) => Math.min(least, each), Infinity),
      mostDeliveriesOfAConnection: deliveriesOf.reduce((most, each) => Math.max(most, each), 0),
      latency: ledger.latency.figures(),
      serverCPUSeconds,
      clientCPUSeconds,
      otherCPUSeconds,
      rss: { beforeMB: this.#beforeMB, connectedMB: this.#connectedMB, afterMB: rssMB, peakMB },
      controlEvents: this.#controlEvents.counts(),
      problems: this.#streams.failures.slice(0, MAX_PROBLEMS),
    };
  }

  #startPace(): number {
    this.#paceFromMs = performance.now();
    this.#paced = 0;
    return this.#paceFromMs;
  }

  #loadUntil(endMs: number): void {
    const { pace } = this.#job;
    const ledger = this.#ledger;
    let lastDeliveries = ledger.deliveries;
    let lastDeliveryAtMs = performance.now();
    while (this.#nowMs < endMs) {
      this.#publishDue();
      this.#turn(pace.kind === "rate" ? 1 : 10);
      if (ledger.deliveries > lastDeliveries || ledger.onTheWay === 0) {
        lastDeliveries = ledger.deliveries;
        lastDeliveryAtMs = this.#nowMs;
      } else if (this.#nowMs - lastDeliveryAtMs > STALL_MS) {
        throw new Error(
          `Cannot go on: nothing has come for ${STALL_MS} ms, and ${ledger.onTheWay} events are on their way`,
        );
      }
    }
  }

  #publishDue(): void {
    const { pace } = this.#job;
    const ledger = this.#ledger;
    switch (pace.kind) {
      case "ahead":
        while (ledger.onTheWay < pace.events) this.#publish(this.#nowMs);
        break;
      case "rate":
        for (;;) {
          const exactMs = this.#paced * 1_000 / pace.eventsPerSecond;
          const dueAtMs = this.#paceFromMs + Math.ceil(exactMs / TICK_MS) * TICK_MS;
          if (dueAtMs > this.#nowMs) break;
          this.#paced++;
          this.#publish(dueAtMs);
        }
        break;
    }
    for (const publisher of this.#publishers) publisher.flush();
  }

  #publish(dueAtMs: number): void {
    const scope = this.#nextScope();
    const seq = this.#ledger.publish(scope, dueAtMs);
    const turn = this.#job.publishing.turns === "scope" ? scope : seq;
    this.#publishers[turn % this.#publishers.length]?.offer(seq, scope);
  }

  #loopUntil(endMs: number): void {
    do this.#turn(10); while (this.#nowMs < endMs);
  }

  #turn(timeoutMs: number): void {
    const { connections } = this.#job;
    const count = this.#epoll.wait(timeoutMs);
    for (let index = 0; index < count; index++) {
      const tag = this.#epoll.tag(index);
      this.#nowMs = performance.now();
      if (tag < connections.length) this.#streams.ready(tag, this.#epoll.events(index));
      else this.#publishers[tag - connections.length]?.ready();
    }
    this.#nowMs = performance.now();
  }

  #take(stream: number, buffer: Uint8Array, start: number, end: number): void {
    const payloadAt = end - this.#payloadBeforeEnd;
    const seq = payloadAt < start ? -1 : seqOf(buffer, payloadAt);
    if (seq >= 0) this.#ledger.take(stream, seq, this.#nowMs);
    else this.#controlEvents.add(buffer.subarray(start, end));
  }
}
