/**
 * When the broadcaster flushes: at once while the event loop keeps up, in a wider window while it is behind.
 *
 * After each flush the clock measures how long the loop needs until it can run a timer again: writing to sockets is
 * done there, not in the flush. That long, no longer than the flush's own writes account for, and no longer than the
 * limit, frames that come meanwhile wait for one another. So an idle gateway adds nothing to latency, one that is busy
 * with other things does not make a few readers wait, and one that is busy writing spends its time on frames instead of writes.
 */
export class FlushClock {
  readonly #maxDelayMs: number;
  readonly #flush: () => number;
  #state: "idle" | "requested" | "settling" | "stopped" = "idle";
  #isWaiting = false;
  #delayMs = 0;
  #writes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param flush delivers what is pending, gives the number of connections written to; must not throw */
  constructor(maxDelayMs: number, flush: () => number) {
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
    this.#writes = this.#flush();
    this.#state = "settling";
    this.#timer = setTimeout(() => this.#settle(startedAtMs), this.#delayMs);
  }

  #settle(startedAtMs: number): void {
    if (this.#state === "stopped") return;
    const behindMs = performance.now() - startedAtMs - this.#delayMs;
    const usefulMs = Math.min(behindMs, this.#writes * WRITE_MS, this.#maxDelayMs);
    this.#delayMs = behindMs < NOTICEABLE_MS ? 0 : usefulMs;
    if (this.#isWaiting) return this.#run();
    this.#state = "idle";
  }
}

/** What one write to one connection takes, measured: system call, framing and stream together. */
const WRITE_MS = 0.02;

/** Below this the loop counts as keeping up: a timer's own jitter. */
const NOTICEABLE_MS = 2;
