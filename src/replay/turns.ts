import { Deque } from "./deque.ts";

/** The policy of {@link Turns}. Times in milliseconds. */
export interface TurnsInit {
  /** How long turns may follow each other after the event loop took so long for everything else. */
  readonly sliceMs: (elsewhereMs: number) => number;
  /** Whether a turn may be granted now; default always. When that changes, tell by {@link Turns.grantSoon}. */
  readonly mayGrant?: () => boolean;
  /** Monotonic milliseconds; replaced in tests. */
  readonly now?: () => number;
}

/**
 * Lets work of one kind take turns, in the order in which they were asked for: what thousands want at one moment is done
 * slice by slice, and the event loop runs in between, live delivery with it. What a turn does before its next `await` counts.
 */
export class Turns {
  readonly #sliceMs: (elsewhereMs: number) => number;
  readonly #mayGrant: () => boolean;
  readonly #now: () => number;
  readonly #waiting = new Deque<() => void>();
  #isGranting = false;
  #sliceEndsAtMs = Number.NEGATIVE_INFINITY;

  constructor({ sliceMs, mayGrant = () => true, now = () => performance.now() }: TurnsInit) {
    this.#sliceMs = sliceMs;
    this.#mayGrant = mayGrant;
    this.#now = now;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when whoever asked may work. */
  turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.grantSoon();
    return promise;
  }

  grantSoon(): void {
    if (!this.#isGranting && this.#canGrant()) void this.#grant();
  }

  async #grant(): Promise<void> {
    this.#isGranting = true;
    if (this.#now() >= this.#sliceEndsAtMs) this.#beginSlice(0);
    while (this.#canGrant()) {
      this.#waiting.shift()?.();
      // Whoever was let go on works before this continues.
      await undefined;
      const workedAtMs = this.#now();
      if (workedAtMs < this.#sliceEndsAtMs) continue;
      // A timer, not an immediate: an event takes several iterations of the loop on its way, and a timer lets all of them run.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#beginSlice(this.#now() - workedAtMs);
    }
    this.#isGranting = false;
  }

  #beginSlice(elsewhereMs: number): void {
    this.#sliceEndsAtMs = this.#now() + this.#sliceMs(elsewhereMs);
  }

  #canGrant(): boolean {
    return this.#waiting.length > 0 && this.#mayGrant();
  }
}
