import type { ServerMessage, Transport, TransportRequest } from "../transport.ts";

/*
 * One stream for all pages of one browser that read the same scopes: the page that holds a lock leads, which is to say that
 * it has the stream and passes each message on; the others follow, and each takes the events that it asked for.
 *
 * Nothing is lost because a page that follows is told every id, those of events that are not for it too, and because an id
 * is a position. It may follow from the moment in which its own last id is one that the leader's stream has had: it has
 * all that lay before, and what comes behind is passed on. Until the two meet it has a stream of its own, from its own
 * cursor. Ids are compared as texts and never read.
 *
 * A leader that goes away, or is killed, loses its lock. The next one goes on from its own last id, and each of the others
 * proves again that it stands where the new leader stands.
 */

/** Which page of a browser does what; `navigator.locks` is one. */
export interface Locks {
  /** Waits for the lock, and holds it until what `take` gives has settled. */
  request(name: string, options: { readonly signal: AbortSignal }, take: () => Promise<void>): Promise<unknown>;
}

/** What pages tell one another. */
type Post =
  /** From a page that looks for a leader. */
  | readonly [kind: "ask", from: string]
  /** From the leader: the stream is open, and has come to this cursor. */
  | readonly [kind: "open", from: string, at: OpenAt]
  /** From the leader: a message of the stream. */
  | readonly [kind: "message", from: string, message: ServerMessage]
  /** From the leader: the stream has ended. */
  | readonly [kind: "end", from: string];

interface OpenAt {
  readonly id: string | undefined;
  readonly opened: ServerMessage;
}

/** How long a page waits for a leader's answer, in milliseconds: longer than a stream needs to open. */
const PATIENCE_MS = 3_000;
/** How long a leader whose stream has ended keeps the lock, in milliseconds: all others hear of it first and back off. */
const HOLD_MS = 250;
/** Messages among which a page looks for its own last id. */
const MAX_PASSED = 500;

/** One page's part in it, for one connection of its client. */
export class SharedStream {
  readonly #me = crypto.randomUUID();
  readonly #inner: Transport;
  readonly #request: TransportRequest;
  readonly #channel: BroadcastChannel;
  readonly #over = new AbortController();
  readonly #inbox: ServerMessage[] = [];
  #wake = () => {};
  #failure: unknown;
  #cursor: string | undefined;
  #leads = false;
  #follows = false;
  /** Whom it follows, or looks for a place to follow from. */
  #leader: string | undefined;
  #passed: readonly ServerMessage[] = [];
  /** Ends the stream that the page has itself, as leader or alone. */
  #stop: AbortController | undefined;
  /** The first block that its client was given. */
  #opened: ServerMessage | undefined;

  constructor(inner: Transport, request: TransportRequest, channel: BroadcastChannel) {
    this.#inner = inner;
    this.#request = request;
    this.#channel = channel;
    this.#cursor = request.lastEventId;
    channel.onmessage = ({ data }: MessageEvent<Post>) => this.#take(data);
  }

  /** What the page's client would get from a stream of its own, until that stream ends or the signal is aborted. */
  async *messages(locks: Locks, name: string, signal: AbortSignal): AsyncGenerator<ServerMessage> {
    signal.addEventListener("abort", () => this.#end());
    const turn = locks.request(name, { signal: this.#over.signal }, () => this.#lead(signal)).catch(() => {});
    const patience = setTimeout(() => this.#goAlone(), PATIENCE_MS);
    this.#post("ask");
    try {
      for (;;) {
        const message = this.#inbox.shift();
        if (message) yield message;
        else if (this.#over.signal.aborted) break;
        else await new Promise<void>((resolve) => this.#wake = resolve);
      }
      if (this.#failure) throw this.#failure;
    } finally {
      this.#end();
      clearTimeout(patience);
      await turn;
      this.#channel.close();
    }
  }

  async #lead(signal: AbortSignal): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#leads = true;
    await this.#read((message) => {
      if (message.event === "stream.opened") {
        this.#deliver(this.#opened = message);
        this.#tellOpen();
      } else {
        this.#post("message", message);
        this.#deliverShared(message);
      }
    });
    // A page that goes hands over: the next one leads at once. A stream that has ended is over for all of them.
    if (signal.aborted) return;
    this.#post("end");
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  }

  #tellOpen(): void {
    if (this.#opened) this.#post("open", { id: this.#cursor, opened: this.#opened });
  }

  #take([kind, from, body]: Post): void {
    if (this.#leads) {
      if (kind === "ask") this.#tellOpen();
    } else if (kind === "end") {
      if (this.#follows) this.#end();
    } else if (kind === "open") {
      if (from !== this.#leader) this.#begin(from, body);
    } else if (kind !== "message" || from !== this.#leader) return;
    else if (this.#follows) this.#deliverShared(body);
    else {
      this.#passed = [...this.#passed.slice(-MAX_PASSED), body];
      this.#meet();
    }
  }

  #begin(leader: string, { id, opened }: OpenAt): void {
    this.#leader = leader;
    this.#follows = false;
    this.#passed = [{ id }];
    // Its id is where the leader's stream has begun, not where it stands.
    if (!this.#opened) this.#deliver(this.#opened = { ...opened, id: undefined });
    this.#meet();
  }

  /** Follows from here on, if its last id is among those that the leader's stream has had. */
  #meet(): void {
    const at = this.#passed.findIndex(({ id }) => id && id === this.#cursor);
    if (at < 0 && this.#cursor) return this.#goAlone();
    this.#stop?.abort();
    this.#follows = true;
    this.#passed.slice(at + 1).forEach((message) => this.#deliverShared(message));
  }

  #goAlone(): void {
    if (this.#leads || this.#follows || this.#stop?.signal.aborted === false) return;
    this.#read((message) => {
      this.#opened ??= message;
      this.#deliver(message);
      if (this.#leader) this.#meet();
    });
  }

  /** Reads a stream from where the page stands. With it ends the page's part, unless the page itself has stopped it. */
  async #read(take: (message: ServerMessage) => void): Promise<void> {
    this.#stop?.abort();
    const { signal } = this.#stop = new AbortController();
    const events = this.#leads ? [] : this.#request.events;
    try {
      for await (
        const message of this.#inner.connect({ ...this.#request, events, lastEventId: this.#cursor }, signal)
      ) {
        if (signal.aborted) return;
        take(message);
      }
      if (!signal.aborted) this.#end();
    } catch (error) {
      if (!signal.aborted) this.#end(error);
    }
  }

  /** A message of the leader's stream, or its id alone where the page did not ask for the event. */
  #deliverShared(message: ServerMessage): void {
    const { events } = this.#request;
    const { event = "stream.", id } = message;
    const isWanted = !events[0] || events.includes(event) || events.includes(event.replace(/\..*/, ".*"));
    this.#deliver(isWanted || event.startsWith("stream.") ? message : { id });
  }

  #deliver(message: ServerMessage): void {
    this.#cursor = message.id ?? this.#cursor;
    this.#inbox.push(message);
    this.#wake();
  }

  #end(failure?: unknown): void {
    this.#failure ??= failure;
    this.#over.abort();
    this.#stop?.abort();
    this.#wake();
  }

  #post(kind: Post[0], body?: unknown): void {
    this.#channel.postMessage([kind, this.#me, body]);
  }
}
