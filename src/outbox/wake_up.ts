/** A pause that can be cut short. Being woken while nobody waits ends the next pause at once: no wake-up is lost. */
export class WakeUp {
  #isDue = false;
  #end: () => void = () => {};

  wake(): void {
    this.#isDue = true;
    this.#end();
  }

  /** Resolves after the time, when woken, or when the signal is aborted. */
  async wait(pauseMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isDue && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => resolve();
      this.#end = end;
      const timer = setTimeout(end, pauseMs);
      signal.addEventListener("abort", end);
      await promise;
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      this.#end = () => {};
    }
    this.#isDue = false;
  }
}
