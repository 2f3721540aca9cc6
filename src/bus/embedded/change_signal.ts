/** Wakes whoever waits for the log to change, in the microtasks that follow the change: nobody polls. */
export class ChangeSignal {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next {@link notify} or when the signal aborts. What changed before the call is not told. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      this.#waiting.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    this.#waiting.add(wake);
    signal.addEventListener("abort", wake);
    return promise;
  }

  notify(): void {
    for (const wake of this.#waiting) wake();
  }
}
