import { createParser, type EventSourceMessage } from "eventsource-parser";

/** One dispatched event of a stream. */
export interface ReceivedEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** A stream as an independent client reads it: status, headers, events, and the id that a browser would send back. */
export class EventReader implements AsyncDisposable {
  readonly response: Response;
  readonly #abort: AbortController;
  readonly #events: ReceivedEvent[] = [];
  #wake = Promise.withResolvers<void>();
  #isOver = false;
  #text = "";
  retryMs: number | undefined;
  lastEventId = "";
  /** Text of comments and checkpoints, which dispatch nothing. */
  readonly comments: string[] = [];

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    void this.#read();
  }

  static async open(url: string | URL, headers: Record<string, string> = {}): Promise<EventReader> {
    const abort = new AbortController();
    const response = await fetch(url, { headers, signal: abort.signal });
    return new EventReader(response, abort);
  }

  /** All bytes so far, as text. */
  get text(): string {
    return this.#text;
  }

  /** True when the server has ended the stream and every event was taken. */
  get isOver(): boolean {
    return this.#isOver && this.#events.length === 0;
  }

  /** The next event; rejects when the stream ends first or nothing comes within the time. */
  async next(timeoutMs = 10_000): Promise<ReceivedEvent> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      if (this.#isOver) throw new Error(`Cannot read a further event: the stream is over.\n${this.#text}`);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`Cannot read a further event: none came in ${timeoutMs} ms.\n${this.#text}`);
      await this.#wait(leftMs);
    }
  }

  /** The next events up to and with the first that satisfies the test. */
  async until(isLast: (event: ReceivedEvent) => boolean, timeoutMs = 10_000): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = [];
    for (;;) {
      const event = await this.next(timeoutMs);
      events.push(event);
      if (isLast(event)) return events;
    }
  }

  /** Resolves when the server has ended the stream. */
  async over(timeoutMs = 10_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#isOver) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`The stream is still open after ${timeoutMs} ms`);
      await this.#wait(leftMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.over();
  }

  async #wait(leftMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([this.#wake.promise, new Promise((resolve) => timer = setTimeout(resolve, leftMs))]);
    clearTimeout(timer);
  }

  async #read(): Promise<void> {
    const parser = createParser({
      onEvent: (message: EventSourceMessage) => {
        if (message.id !== undefined) this.lastEventId = message.id;
        this.#events.push({ id: message.id, event: message.event ?? "message", data: message.data });
      },
      onRetry: (ms) => void (this.retryMs = ms),
      onComment: (comment) => void this.comments.push(comment),
    });
    try {
      for await (const text of (this.response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
        this.#text += text;
        parser.feed(text);
        // A block with an id alone sets the last event ID and dispatches nothing; the parser does not tell it.
        for (const [, id] of text.matchAll(/(?:^|\n\n)id: ([^\n]+)\n\n/g)) this.lastEventId = id ?? "";
        this.#notify();
      }
    } catch {
      // Aborted by us, or the server is gone: either way the stream is over.
    }
    this.#isOver = true;
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
