import { Turns } from "./turns.ts";

/** How much the replays of a node may take from everything else. */
export interface TurnLimits {
  /** Replays that have begun and are not at the head, those that wait included; beyond, {@link ReplayTurns.isFull}. */
  readonly maxUnderWay: number;
  /** Bytes that all replays together have handed out and their readers have not taken; beyond, the next turn waits. */
  readonly maxInFlightBytes: number;
}

/** Replays work so long, in milliseconds, before the event loop runs: a flush of live events waits no longer for them. */
const SLICE_MS = 1;
/** Where the loop took longer than this for everything else, in milliseconds, it is behind; what replays themselves write is less. */
const BEHIND_MS = 4;
/** What replays then get of the time. */
const SHARE_BEHIND = 0.1;

/**
 * Lets the replays of a node take {@link Turns}: what thousands want at one moment, because one read of a bus has just ended
 * for all of them, is handed out piece by piece.
 */
export class ReplayTurns {
  readonly #limits: TurnLimits;
  readonly #turns: Turns;
  #underWay = 0;
  #bytesInFlight = 0;

  /** @param now monotonic milliseconds */
  constructor(limits: TurnLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#turns = new Turns({ sliceMs, mayGrant: () => this.#bytesInFlight < limits.maxInFlightBytes, now });
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
    return this.#turns.waiting > 0 || this.#bytesInFlight >= this.#limits.maxInFlightBytes;
  }

  /** One replay's place among them; to be disposed of when it is over, however it ended. */
  enter(): ReplayPlace {
    this.#underWay++;
    let held = 0;
    const settle = () => {
      this.#bytesInFlight -= held;
      held = 0;
      this.#turns.grantSoon();
    };
    return {
      turn: () => this.#turns.turn(),
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
}

function sliceMs(elsewhereMs: number): number {
  return elsewhereMs < BEHIND_MS ? SLICE_MS : Math.min(SLICE_MS, elsewhereMs * SHARE_BEHIND);
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
