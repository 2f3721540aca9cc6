/**
 * When the broadcaster flushes: at once while the event loop keeps up, in a wider window while it is behind.
 *
 * After a flush the clock measures how long the loop needs until it can run a timer again: writing to sockets is done
 * there, not in the flush. That long, no longer than the flush's own writes account for, and no longer than the limit,
 * frames that come meanwhile wait for one another. So an idle gateway adds nothing to latency, one that is busy with
 * other things does not make a few readers wait, and one that is busy writing spends its time on frames instead of writes.
 *
 * A timer takes a millisecond at least. A loop that was not behind, and comes back to ask before that long, is plainly
 * still turning: it does not wait for the timer.
 */
export class FlushClock {
  readonly #maxDelayMs: number;
  readonly #flush: () => number;
  readonly #now: () => number;
  #state: "idle" | "requested" | "settling" | "stopped" = "idle";
  #isWaiting = false;
  #delayMs = 0;
  /** Connections written to since the timer was set. */
  #writes = 0;
  #startedAtMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param flush delivers what is pending, gives the number of connections written to; must not throw
   * @param now monotonic milliseconds
   */
  constructor(maxDelayMs: number, flush: () => number, now: () => number = () => performance.now()) {
    this.#maxDelayMs = maxDelayMs;
    this.#flush = flush;
    this.#now = now;
  }

  /** Something is pending. All requests of one turn are one flush. */
  request(): void {
    this.#isWaiting = true;
    if (this.#state !== "idle" && !(this.#state === "settling" && this.#keepsUp())) return;
    this.#state = "requested";
    queueMicrotask(() => this.#run());
  }

  /** Nothing is flushed any more. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#state = "stopped";
  }

  /** Whether the loop came back in less than what counts as being behind, although its timer has not run yet. */
  #keepsUp(): boolean {
    return this.#delayMs === 0 && this.#now() - this.#startedAtMs < NOTICEABLE_MS;
  }

  #run(): void {
    if (this.#state !== "requested") return;
    this.#isWaiting = false;
    if (this.#timer === undefined) {
      this.#startedAtMs = this.#now();
      this.#writes = this.#flush();
      this.#timer = setTimeout(() => this.#settle(), this.#delayMs);
    } else this.#writes += this.#flush();
    this.#state = "settling";
  }

  #settle(): void {
    this.#timer = undefined;
    const behindMs = this.#now() - this.#startedAtMs - this.#delayMs;
    const usefulMs = Math.min(behindMs, this.#writes * WRITE_MS, this.#maxDelayMs);
    this.#delayMs = behindMs < NOTICEABLE_MS ? 0 : usefulMs;
    this.#state = "idle";
    if (!this.#isWaiting) return;
    this.#state = "requested";
    this.#run();
  }
}

/** What one write to one connection takes, measured: system call, framing and stream together. */
const WRITE_MS = 0.02;

/** Below this the loop counts as keeping up: a timer's own jitter. */
const NOTICEABLE_MS = 2;
