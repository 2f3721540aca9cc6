import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { Broadcaster } from "../../src/broadcast/broadcaster.ts";
import type { Grant } from "../../src/model/scope.ts";
import { Journal } from "../../src/replay/journal.ts";
import type { Connection } from "../../src/stream/connection.ts";
import type { Reader } from "../../src/stream/reader.ts";
import type { StreamLimits } from "../../src/stream/stream_limits.ts";
import { StreamManager } from "../../src/stream/stream_manager.ts";
import { type Block, EventStreamParser } from "../checker/event_stream_parser.ts";
import { messageTo, positions, scopeOf, WIDE } from "../replay/frames.ts";

/** Limits as they are by default, without what varies from stream to stream. */
export const LIMITS: StreamLimits = {
  heartbeatMs: 15_000,
  maxLifetimeMs: 600_000,
  lifetimeJitter: 0,
  maxTotal: 1_000,
  maxPerPrincipal: 20,
  sendQueue: { maxFrames: 1_000, maxBytes: 1e6 },
  writeStallMs: 10_000,
  retry: { minMs: 2_000, maxMs: 8_000 },
  refusalRetry: { minMs: 5_000, maxMs: 60_000 },
  tokenWarningMs: 60_000,
};

/** Changes of the setting of a test. */
export interface StreamSetup {
  readonly limits?: Partial<StreamLimits>;
  readonly maxUnaskedBytes?: number;
  readonly random?: () => number;
  /** Subjects that are banned; a test adds to it while streams are open. */
  readonly banned?: ReadonlySet<string>;
}

/** A node's streams in fake time: journal, broadcaster and manager, and what was observed. */
export class StreamHarness implements Disposable {
  readonly journal = new Journal(WIDE, positions([0n]));
  readonly broadcaster = new Broadcaster(0);
  readonly manager: StreamManager;
  /** What the observer was told, in order. */
  readonly observed: string[] = [];
  readonly clock: Clock;
  #offset = 0n;

  constructor({ limits, maxUnaskedBytes, random = () => 0.5, banned }: StreamSetup = {}) {
    this.clock = FakeTimers.install({
      now: Date.UTC(2026, 0, 1),
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
    });
    const note = (text: string) => void this.observed.push(text);
    this.manager = new StreamManager({
      limits: { ...LIMITS, ...limits },
      journal: this.journal,
      broadcaster: this.broadcaster,
      formatOf: () => "integer",
      shutOut: ({ subject }) => banned?.has(subject) === true ? "banned" : undefined,
      observer: {
        opened: () => note("opened"),
        ended: (reason) => note(`ended ${reason}`),
        refused: (reason) => note(`refused ${reason}`),
        shed: (frames) => note(`shed ${frames}`),
      },
      random,
      ...(maxUnaskedBytes === undefined ? {} : { maxUnaskedBytes }),
    });
  }

  /** Someone who may read `user:1` for an hour. */
  reader(rest: Partial<Reader> = {}): Reader {
    // "user:1" is a grant: a scope is one.
    const grants = new Set<Grant>([scopeOf("user:1") as string as Grant]);
    return { issuer: "tests", subject: "someone", grants, expiresAtMs: Date.now() + 3_600_000, ...rest };
  }

  /** An open stream on `user:1` that reads as fast as it can. */
  stream(rest: Partial<Reader> = {}): OpenedStream {
    const connection = this.manager.open(this.reader(rest), { scopes: [scopeOf("user:1")], patterns: [] });
    return new OpenedStream(connection, this);
  }

  /** One event, live; it waits for its flush. */
  publish(scope = "user:1"): void {
    const message = messageTo(scope, { data: "x".repeat(50) });
    this.broadcaster.publish(this.journal.append(0, 0, this.#offset++, [message], performance.now()).frames);
  }

  /** So many events, each in a flush of its own. */
  deliver(count: number): void {
    for (let left = count; left > 0; left--) {
      this.publish();
      this.broadcaster.flush();
    }
  }

  /** A record that is for nobody. */
  skip(): void {
    this.journal.advance(0, 0, ++this.#offset);
  }

  /** Time passes, second by second, and everybody reads on in between. */
  async pass(durationMs: number): Promise<void> {
    for (let left = durationMs; left > 0; left -= 1_000) {
      this.clock.tick(Math.min(left, 1_000));
      await this.settle();
    }
  }

  /** Lets everything go on that waits for nothing but promises. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 30; turn++) await undefined;
  }

  [Symbol.dispose](): void {
    this.manager[Symbol.dispose]();
    this.broadcaster[Symbol.dispose]();
    this.clock.uninstall();
  }
}

/** One stream as its client sees it. */
export class OpenedStream {
  readonly connection: Connection;
  /** Every block that was read, heartbeats without an id not among them. */
  readonly blocks: Block[] = [];
  /** When each chunk was read, on the monotonic clock. */
  readonly readAtMs: number[] = [];
  isOver = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #parser = new EventStreamParser();
  #isPaused = false;

  constructor(connection: Connection, { manager }: StreamHarness) {
    this.connection = connection;
    this.#reader = connection.body.getReader();
    manager.join(connection);
    void this.#read();
  }

  /** The names of its blocks; `id` for a checkpoint. */
  get events(): readonly string[] {
    return this.blocks.map(({ event }) => event ?? "id");
  }

  /** Stops reading, after what it is waiting for. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    void this.#read();
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }

  async #read(): Promise<void> {
    while (!this.#isPaused && !this.isOver) {
      const { done, value } = await this.#reader.read();
      this.isOver = done;
      if (value === undefined) continue;
      this.readAtMs.push(performance.now());
      this.blocks.push(...this.#parser.push(value));
    }
  }
}
