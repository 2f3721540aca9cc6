import { Turns } from "../replay/turns.ts";

/** Streams are opened so long, in milliseconds, before the event loop runs: a flush of live events waits no longer for them. */
const SLICE_MS = 1;
/** Or so long in relation to what all else takes: also a node that is busy with live events lets newcomers in. */
const SHARE = 0.1;

/**
 * Requests for streams and polls, which take {@link Turns}: to verify a token and to open a stream costs much more than an
 * event on an open one, and after a deploy thousands come within a second.
 */
export class Openings {
  readonly #maxWaiting: number;
  readonly #turns: Turns;

  /**
   * @param maxWaiting requests that wait, each with its socket; beyond, {@link Openings.isFull}
   * @param now monotonic milliseconds
   */
  constructor(maxWaiting: number, now: () => number = () => performance.now()) {
    this.#maxWaiting = maxWaiting;
    this.#turns = new Turns({ sliceMs: (elsewhereMs) => Math.max(SLICE_MS, elsewhereMs * SHARE), now });
  }

  /** Whether one more request must not wait. */
  get isFull(): boolean {
    return this.#turns.waiting >= this.#maxWaiting;
  }

  get waiting(): number {
    return this.#turns.waiting;
  }

  /** Resolves when a request may be looked at. */
  turn(): Promise<void> {
    return this.#turns.turn();
  }
}
