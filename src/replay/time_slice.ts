/** How long one piece of work holds the event loop, in milliseconds: a flush of live events waits no longer for it. */
const SLICE_MS = 1;

/**
 * Work on what was read of a source's past, in slices: a read holds thousands of events, and a node that has just started
 * is several times slower with each. Ask {@link TimeSlice.isOver} between two parts of it.
 */
export class TimeSlice {
  #endsAtMs = performance.now() + SLICE_MS;

  get isOver(): boolean {
    return performance.now() >= this.#endsAtMs;
  }

  /** Resolves when the event loop has run, at the beginning of the next slice. */
  async next(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#endsAtMs = performance.now() + SLICE_MS;
  }
}
