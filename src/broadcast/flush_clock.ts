/**
 * When the broadcaster flushes: at once while the event loop keeps up, in a wider window while it is behind.
 *
 * After each flush the clock measures how long the loop needs until it can run a timer again: writing to sockets is
 * done there, not in the flush. That long, and no longer than the limit, frames that come meanwhile wait for one
 * another. An idle gateway so adds nothing to latency, and a busy one spends its time on frames instead of on writes.
 */
export class FlushClock {
  readonly #maxDelayMs: number;
  readonly #flush: () => void;
  #state: "idle" | "requested" | "settling" | "stopped" = "idle";
  #isWaiting = false;
  #delayMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param flush delivers what is pending; must not throw */
  constructor(maxDelayMs: number, flush: () => void) {
    this.#maxDelayMs = maxDelayMs;
    this.#flush = flush;
  }

  /** Something is pending. All requests of one turn are one flush. */
  request(): void {
    this.#isWaiting = true;
    if (this.#state !== "idle") return;
    this.#state = "requested";
    queueMicrotask(() => this.#run());
  }

  /** Nothing is flushed any more. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#state = "stopped";
  }

  #run(): void {
    if (this.#state === "stopped") return;
    this.#isWaiting = false;
    const startedAtMs = performance.now();
    this.#flush();
    this.#state = "settling";
    this.#timer = setTimeout(() => this.#settle(startedAtMs), this.#delayMs);
  }

  #settle(startedAtMs: number): void {
    if (this.#state === "stopped") return;
    const behindMs = performance.now() - startedAtMs - this.#delayMs;
    this.#delayMs = behindMs < NOTICEABLE_MS ? 0 : Math.min(behindMs, this.#maxDelayMs);
    if (this.#isWaiting) return this.#run();
    this.#state = "idle";
  }
}

/** Below this the loop counts as keeping up: a timer's own jitter. */
const NOTICEABLE_MS = 2;
