import type { Clock } from "@sinonjs/fake-timers";
import { BusError } from "../../src/bus/event_bus.ts";
import { type Grant, type Scope } from "../../src/model/scope.ts";
import type { ReplayOrigin } from "../../src/wire/control_events.ts";
import { checkHistory } from "../checker/check_history.ts";
import type { AcceptedEvent, Truth } from "../checker/client_history.ts";
import { DOWN, FakeStore } from "../history/fake_store.ts";
import { FakeLog } from "./fake_log.ts";
import { SeededRandom } from "./seeded_random.ts";
import { SimulatedClient } from "./simulated_client.ts";
import { LARGE_BODY_BYTES, LARGE_LIMIT, randomLimits } from "./random_limits.ts";
import { type NodeLimits, SimulatedNode } from "./simulated_node.ts";

const SCOPES = ["global", "user:1", "user:2", "novel:1", "novel:2", "novel:3"];
const EVENTS = ["task.progressed", "task.finished", "novel.changed"];
const PATTERNS = [[], [], [], ["task.*"], ["novel.changed", "task.finished"]];

/** One run: what happened, what was wrong. */
export interface SimulatedRun {
  readonly violations: readonly string[];
  readonly steps: readonly string[];
  readonly clients: readonly SimulatedClient[];
  readonly truth: Truth;
  /** The deepest place of each replay that reached the head. */
  readonly origins: readonly ReplayOrigin[];
}

/**
 * Everything that can happen around the seam of replay and live, interleaved as the seed says: logs that grow, are trimmed,
 * created anew; nodes that read them at their own pace, drain, die and come back; clients that come, go, dawdle, renew their
 * tokens and return elsewhere; clocks that jump; history reads that are slow or fail, of a log or of a store that loses what it likes. No
 * real time and no real I/O: a seed is a run.
 *
 * @param sabotage breaks a node, to show that the judge notices
 * @param pollShare how often a client that comes asks for an answer instead of a stream, 0 to 1
 */
export async function simulate(
  seed: number,
  clock: Clock,
  sabotage: (node: SimulatedNode) => void = () => {},
  pollShare = 0,
): Promise<SimulatedRun> {
  const world = new SeamWorld(seed, clock, sabotage, pollShare);
  await world.run();
  await world.settle();
  return world.judge();
}

interface PendingAnswer {
  resolve(): void;
  reject(error: Error): void;
}

class SeamWorld {
  readonly #random: SeededRandom;
  readonly #clock: Clock;
  readonly #sabotage: (node: SimulatedNode) => void;
  readonly #logs: readonly FakeLog[];
  readonly #store = new FakeStore();
  readonly #limits: NodeLimits;
  readonly #nodes: SimulatedNode[];
  /** Those that drain, or have. */
  readonly #leaving: SimulatedNode[] = [];
  readonly #clients: readonly SimulatedClient[];
  readonly #pending: PendingAnswer[] = [];
  readonly #steps: string[] = [];
  readonly #violations: string[] = [];
  readonly #slowShare: number;
  readonly #isFaulty: boolean;
  readonly #pollShare: number;
  #isSettling = false;
  #hasFailed = false;

  constructor(seed: number, clock: Clock, sabotage: (node: SimulatedNode) => void, pollShare: number) {
    this.#sabotage = sabotage;
    this.#pollShare = pollShare;
    const random = this.#random = new SeededRandom(seed);
    this.#clock = clock;
    this.#slowShare = random.pick([0, 0.3, 0.8]);
    this.#isFaulty = random.chance(0.3);
    this.#limits = randomLimits(random);
    this.#logs = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, index) => {
      const format = random.chance(0.3) ? "ms-seq" : "integer";
      const partitions = format === "ms-seq" ? 1 : random.between(1, 4);
      return new FakeLog(`log${index}`, format, partitions, random, () => this.#pace());
    });
    this.#store.pace = () => this.#pace();
    for (let count = random.between(0, 30); count > 0; count--) this.#publish();
    this.#nodes = Array.from({ length: random.pick([1, 2, 2]) }, () => this.#newNode());
    this.#clients = Array.from({ length: random.between(1, 4) }, (_, index) => this.#newClient(`client ${index}`));
  }

  async run(): Promise<void> {
    const actions = this.#actions();
    const total = actions.reduce((sum, [weight]) => sum + weight, 0);
    for (let step = this.#random.between(40, 120); step > 0; step--) {
      let at = this.#random.next() * total;
      const action = actions.find(([weight]) => (at -= weight) < 0)?.[1];
      action?.();
      await this.#turns(this.#random.pick([0, 1, 3, 10, 30]));
      // Whom a failed read concerns is known only when it has gone all its way.
      if (this.#hasFailed) await this.#turns(40);
      this.#hasFailed = false;
    }
  }

  /** All faults end; everybody comes back and must get to the end of everything. */
  async settle(): Promise<void> {
    this.#isSettling = true;
    this.#store.failure = undefined;
    this.#releaseAll();
    for (const client of this.#clients) {
      client.disconnect();
      client.connect(this.#random.pick(this.#nodes), client.lastId);
    }
    for (let round = 0; round < 40; round++) {
      for (const node of this.#nodes) {
        node.readAll();
        await node.writeHistory();
      }
      this.#clock.tick(round === 20 ? 5_000 : 20);
      await this.#turns(60);
      this.#comeBack();
      if (round > 1 && this.#clients.every(({ isLive }) => isLive)) break;
    }
    // A heartbeat tells everybody the newest cursor.
    for (let count = 0; count < 2; count++) {
      this.#clock.tick(16_000);
      await this.#turns(30);
      this.#comeBack();
    }
    // A lifetime may have ended just now, and a poll whose client has gone ends with its replay: replays take turns of the clock.
    for (let round = 0; round < 40 && this.#isUnderWay(); round++) {
      this.#clock.tick(20);
      await this.#turns(60);
      this.#comeBack();
    }
  }

  judge(): SimulatedRun {
    const { replay } = this.#limits;
    const hasOthers = Math.min(replay.maxBytes, replay.maxAgeMs ?? LARGE_LIMIT) < LARGE_LIMIT;
    const truth = { sources: this.#logs, replayLimits: { ...replay, hasOthers } };
    for (const client of this.#clients) this.#violations.push(...checkHistory(truth, client, true));
    for (const client of this.#clients) client.disconnect();
    for (const [index, node] of [...this.#nodes, ...this.#leaving].entries()) {
      if (node.manager.count > 0) this.#violations.push(`node ${index} still counts ${node.manager.count} streams`);
      if (node.broadcaster.memberCount > 0) this.#violations.push(`node ${index} still has members`);
      for (const failure of node.failures) this.#violations.push(`node ${index} failed: ${failure}`);
      node[Symbol.dispose]();
    }
    const origins = [...this.#nodes, ...this.#leaving].flatMap((node) => node.origins);
    return { violations: this.#violations, steps: this.#steps, clients: this.#clients, truth, origins };
  }

  #actions(): (readonly [weight: number, action: () => void])[] {
    const random = this.#random;
    return [
      [25, () => this.#publishSome()],
      [25, () => this.#nodeReads()],
      [10, () => this.#tick(random.between(0, 30))],
      [6, () => this.#tick(random.between(100, 900))],
      [1, () => this.#tick(16_000)],
      [random.pick([3, 12]), () => this.#clientComesOrGoes()],
      [random.pick([0, 6, 15]), () => this.#clientReads()],
      [random.pick([0, 0, 4]), () => this.#renewToken()],
      [8, () => this.#answer()],
      [2, () => this.#trim()],
      [random.pick([0, 0, 0.7]), () => this.#recreate()],
      [random.pick([0, 0, 0.7]), () => this.#addPartition()],
      [random.pick([0, 0.4]), () => this.#restartNode()],
      [random.pick([0, 0.4]), () => this.#drainNode()],
      [random.pick([0, 1]), () => this.#setClock()],
      [random.pick([0, 10, 20]), () => this.#writeHistory()],
      [random.pick([0, 1, 3]), () => this.#hurtHistory()],
    ];
  }

  #publishSome(): void {
    for (let count = this.#random.pick([1, 1, 2, 5]); count > 0; count--) this.#note(`publish ${this.#publish()}`);
  }

  #publish(): string {
    const random = this.#random;
    const log = random.pick(this.#logs);
    return log.publish(random.between(0, log.partitionCount - 1), (key): AcceptedEvent | undefined => {
      if (random.chance(0.15)) return undefined;
      return {
        key,
        event: random.pick(EVENTS),
        scopes: [...new Set([random.pick(SCOPES), ...random.some(SCOPES, 0.15)])],
        audience: random.chance(0.2) ? random.some(["user:1", "novel:2", "session:x"], 0.6) : [],
        priority: random.pick(["low", "normal", "normal", "high"]),
        conflationKey: random.chance(0.1) ? random.pick(["a", "b"]) : undefined,
      };
    });
  }

  #nodeReads(): void {
    const index = this.#random.between(0, this.#nodes.length - 1);
    const source = this.#random.between(0, this.#logs.length - 1);
    const count = this.#random.pick([1, 3, 10]);
    this.#note(`node ${index} reads ${count} of log${source}`);
    this.#nodes[index]?.read(source, count);
  }

  #tick(durationMs: number): void {
    this.#note(`${durationMs} ms pass`);
    this.#clock.tick(durationMs);
  }

  #clientComesOrGoes(): void {
    const client = this.#random.pick(this.#clients);
    if (client.open !== undefined) {
      this.#note(`${client.name} goes with ${client.lastId}`);
      client.disconnect();
      if (this.#random.chance(0.5)) return;
    }
    const cursor = client.cursorToComeBackWith(this.#random);
    const index = this.#random.between(0, this.#nodes.length - 1);
    const node = this.#nodes[index] ?? this.#newNode();
    if (node.manager.count >= 100) return;
    // Without a share nothing is drawn: the runs of streams alone stay what they are.
    const polls = this.#pollShare > 0 && this.#random.chance(this.#pollShare);
    this.#note(`${client.name} ${polls ? "polls" : "comes to"} node ${index} with ${cursor}`);
    if (polls) client.poll(node, cursor, this.#random.pick([0, 1_000, 25_000]), this.#random.pick([1, 3, 500]));
    else client.connect(node, cursor);
  }

  #clientReads(): void {
    const client = this.#random.pick(this.#clients);
    if (!client.isPaused) {
      this.#note(`${client.name} stops reading`);
      client.pause();
    } else if (this.#random.chance(0.6)) {
      const bytes = this.#random.pick([10, 100, 400]);
      this.#note(`${client.name} reads ${bytes} bytes`);
      client.nibble(bytes);
    } else {
      this.#note(`${client.name} reads on`);
      client.resume();
    }
  }

  #renewToken(): void {
    const client = this.#random.pick(this.#clients);
    if (client.renewToken()) this.#note(`${client.name} renews its token`);
  }

  /** A log that was asked gives its answer, or breaks. */
  #answer(): void {
    const [answer] = this.#pending.splice(this.#random.between(0, this.#pending.length - 1), 1);
    if (answer === undefined) return;
    if (this.#isFaulty && this.#random.chance(0.2)) {
      this.#note("a log fails to answer");
      for (const { open } of this.#clients) open?.excused.add("source-reset");
      this.#hasFailed = true;
      answer.reject(new BusError("Cannot read: the simulation says so"));
    } else {
      this.#note("a log answers");
      answer.resolve();
    }
  }

  #trim(): void {
    const log = this.#random.pick(this.#logs);
    const partition = this.#random.between(0, log.partitionCount - 1);
    log.trim(partition, this.#random.next());
    this.#note(`${log.source}:${partition} is trimmed to ${log.boundsNow().partitions.get(partition)?.first}`);
  }

  #writeHistory(): void {
    const index = this.#random.between(0, this.#nodes.length - 1);
    this.#note(`node ${index} writes its history`);
    void this.#nodes[index]?.writeHistory();
  }

  /** Whatever a store can lose: a log, its front, something inside, its tail; or it does not answer for a while. */
  #hurtHistory(): void {
    const random = this.#random;
    if (random.chance(0.3)) {
      this.#store.failure = this.#store.failure === undefined ? DOWN : undefined;
      return this.#note(`the history is ${this.#store.failure === undefined ? "back" : "away"}`);
    }
    const logs = [...this.#store.logs];
    if (logs.length === 0) return;
    const [key, entries] = random.pick(logs);
    const count = random.between(1, 4);
    const start = random.pick([0, random.between(0, entries.length), -count]);
    const lost = random.chance(0.1) ? entries.splice(0) : entries.splice(start, count);
    this.#note(`the history of ${key} loses ${lost.map(({ offset }) => offset).join()}`);
  }

  #recreate(): void {
    const log = this.#random.pick(this.#logs);
    log.recreate(log.format === "ms-seq" ? 1 : this.#random.between(1, 4));
    this.#note(`${log.source} is created anew with ${log.partitionCount} partitions`);
  }

  #addPartition(): void {
    const log = this.#random.pick(this.#logs);
    if (log.format === "ms-seq" || log.partitionCount > 5) return;
    log.addPartition();
    this.#note(`${log.source} has ${log.partitionCount} partitions`);
  }

  #restartNode(): void {
    const index = this.#random.between(0, this.#nodes.length - 1);
    this.#note(`node ${index} restarts`);
    for (const client of this.#clients) if (client.open?.node === this.#nodes[index]) client.disconnect();
    this.#nodes[index]?.[Symbol.dispose]();
    this.#nodes[index] = this.#newNode();
  }

  /** A node ends in order while its successor is there already: whoever comes is sent there. */
  #drainNode(): void {
    const index = this.#random.between(0, this.#nodes.length - 1);
    const [node] = this.#nodes.splice(index, 1, this.#newNode());
    if (node === undefined) return;
    const windowMs = this.#random.pick([0, 300, 3_000]);
    this.#note(`node ${index} drains within ${windowMs} ms`);
    this.#leaving.push(node);
    void node.manager.drain(windowMs);
  }

  /** Somebody sets the machine's clock; what is monotonic goes on. */
  #setClock(): void {
    const byMs = this.#random.pick([-3_600_000, -1_000, 1_000, 3_600_000]);
    this.#note(`the clock is set by ${byMs} ms`);
    this.#clock.setSystemTime(Date.now() + byMs);
  }

  #isUnderWay(): boolean {
    const counted = this.#nodes.reduce((sum, { manager }) => sum + manager.count, 0);
    return counted > this.#clients.length || this.#clients.some(({ isLive }) => !isLive);
  }

  #comeBack(): void {
    for (const client of this.#clients) {
      client.resume();
      if (client.open === undefined) client.connect(this.#random.pick(this.#nodes), client.lastId);
    }
  }

  #newNode(): SimulatedNode {
    const node = new SimulatedNode("node", this.#logs, this.#store, this.#limits, this.#random);
    this.#sabotage(node);
    return node;
  }

  #newClient(name: string): SimulatedClient {
    const random = this.#random;
    const scopes = [...new Set([random.pick(SCOPES), ...random.some(SCOPES, 0.4)])];
    const grants = [...scopes, ...random.some(["user:1", "novel:*", "session:x"], 0.4)];
    return new SimulatedClient(
      name,
      // The simulation's own texts, none of which is hostile.
      { issuer: "tests", subject: name, grants: new Set(grants as Grant[]), expiresAtMs: Number.MAX_SAFE_INTEGER / 2 },
      { scopes: scopes as Scope[], patterns: random.pick(PATTERNS) },
      {
        mayBeSlow: this.#limits.maxUnaskedBytes < LARGE_BODY_BYTES,
        maxAheadWaitMs: this.#limits.replay.maxAheadWaitMs,
      },
    );
  }

  #pace(): Promise<void> | undefined {
    if (this.#isSettling || !this.#random.chance(this.#slowShare)) return undefined;
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  #releaseAll(): void {
    for (const { resolve } of this.#pending.splice(0)) resolve();
  }

  async #turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await undefined;
  }

  #note(text: string): void {
    this.#steps.push(text);
  }
}
