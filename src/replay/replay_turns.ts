import { Deque } from "./deque.ts";

/** How much the replays of a node may take from everything else. */
export interface TurnLimits {
  /** Replays that have begun and are not at the head, those that wait included; beyond, {@link ReplayTurns.isFull}. */
  readonly maxUnderWay: number;
  /** Bytes that all replays together have handed out and their readers have not taken; beyond, the next turn waits. */
  readonly maxInFlightBytes: number;
}

/** Replays work so long, in milliseconds, before the event loop runs: a flush of live events waits no longer for them. */
const SLICE_MS = 2;
/** Where the loop took longer than this for everything else, in milliseconds, it is behind; what replays themselves write is less. */
const BEHIND_MS = 4;
/** What replays then get of the time. */
const SHARE_BEHIND = 0.1;

/**
 * Lets the replays of a node take turns, in the order in which they asked: what thousands want at one moment, because one
 * read of a bus has just ended for all of them, is handed out piece by piece, and live delivery runs in between.
 */
export class ReplayTurns {
  readonly #limits: TurnLimits;
  readonly #now: () => number;
  readonly #waiting = new Deque<() => void>();
  #underWay = 0;
  #bytesInFlight = 0;
  #isGranting = false;
  #sliceEndsAtMs = 0;
  #grantedAtMs = Number.NEGATIVE_INFINITY;

  /** @param now monotonic milliseconds */
  constructor(limits: TurnLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Whether one more replay must not begin. */
  get isFull(): boolean {
    return this.#underWay >= this.#limits.maxUnderWay;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** Whether a turn has to be waited for: others wait already, or too much is on its way. */
  get isBusy(): boolean {
    return this.#waiting.length > 0 || this.#bytesInFlight >= this.#limits.maxInFlightBytes;
  }

  /** One replay's place among them; to be disposed of when it is over, however it ended. */
  enter(): ReplayPlace {
    this.#underWay++;
    let held = 0;
    const settle = () => {
      this.#bytesInFlight -= held;
      held = 0;
      this.#grantSoon();
    };
    return {
      turn: () => this.#turn(),
      hold: (bytes) => {
        held += bytes;
        this.#bytesInFlight += bytes;
      },
      settle,
      [Symbol.dispose]: () => {
        this.#underWay--;
        settle();
      },
    };
  }

  #turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#grantSoon();
    return promise;
  }

  #grantSoon(): void {
    if (!this.#isGranting && this.#mayGrant()) void this.#grant();
  }

  async #grant(): Promise<void> {
    this.#isGranting = true;
    // The loop has run since: what replays had of it before does not count any more.
    if (this.#now() - this.#grantedAtMs > SLICE_MS) this.#beginSlice();
    while (this.#mayGrant()) {
      this.#waiting.shift()?.();
      // The replay that was let go on works before this continues.
      await undefined;
      this.#grantedAtMs = this.#now();
      if (this.#grantedAtMs < this.#sliceEndsAtMs) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#beginSlice();
    }
    this.#isGranting = false;
  }

  #beginSlice(): void {
    const nowMs = this.#now();
    const elsewhereMs = nowMs - this.#grantedAtMs;
    this.#sliceEndsAtMs = nowMs + (elsewhereMs < BEHIND_MS ? SLICE_MS : Math.min(SLICE_MS, elsewhereMs * SHARE_BEHIND));
  }

  #mayGrant(): boolean {
    return this.#waiting.length > 0 && this.#bytesInFlight < this.#limits.maxInFlightBytes;
  }
}

/** See {@link ReplayTurns.enter}. */
export interface ReplayPlace extends Disposable {
  /** Resolves when this replay may work. What it does before its next `await` is its turn. */
  turn(): Promise<void>;
  /** Counts bytes that were handed out as on their way. */
  hold(bytes: number): void;
  /** The reader has taken what was handed out. */
  settle(): void;
}
