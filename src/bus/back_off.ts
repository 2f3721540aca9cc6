/** The first wait is drawn from up to this. */
const FIRST_WAIT_MS = 100;
/** A middleware that is back is noticed within this. */
const MAX_WAIT_MS = 5_000;
/** Below it, a draw near zero would make a hot loop. */
const MIN_WAIT_MS = 20;

/** Waits between attempts: exponential, with full jitter, so that many nodes do not come back in step. */
export class BackOff {
  #failures = 0;

  /** The last attempt succeeded: the next failure waits as the first one. */
  reset(): void {
    this.#failures = 0;
  }

  /** Resolves after the wait or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const ceilingMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++);
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => resolve();
    const timer = setTimeout(done, Math.max(MIN_WAIT_MS, Math.random() * ceilingMs));
    signal.addEventListener("abort", done);
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
    });
  }
}
