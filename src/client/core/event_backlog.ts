/** Events that wait for one `for await`; a consumer that is slower ends with an error instead of filling the memory. */
export const MAX_WAITING_EVENTS = 1_000;

/** What stands between the client, which pushes, and one asynchronous iterator, which takes. */
export class EventBacklog<Event> implements AsyncIterableIterator<Event> {
  readonly #onReturn: () => void;
  #events: Event[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;
  #overflow: RangeError | undefined;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(event: Event): void {
    if (this.#isOver) return;
    if (this.#events.length < MAX_WAITING_EVENTS) this.#events.push(event);
    else {
      this.#overflow = new RangeError(`Cannot keep events for a slow reader: ${MAX_WAITING_EVENTS} wait already`);
      this.end();
    }
    this.#wake?.();
  }

  /** What waits is still given. */
  end(): void {
    this.#isOver = true;
    this.#onReturn();
    this.#wake?.();
  }

  /** @throws RangeError behind the last event that was kept, when the reader was too slow */
  async next(): Promise<IteratorResult<Event, undefined>> {
    while (this.#events.length === 0 && !this.#isOver) await new Promise<void>((resolve) => this.#wake = resolve);
    const value = this.#events.shift();
    if (value !== undefined) return { done: false, value };
    const overflow = this.#overflow;
    this.#overflow = undefined;
    if (overflow) throw overflow;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Event, undefined>> {
    this.#events = [];
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
