import type { ServerMessage, Transport, TransportRequest } from "../transport.ts";
import type { Opening, Union } from "../unite/mod.ts";

/*
 * One stream for all pages of one browser: the page that holds a lock leads, which is to say that it has the stream and
 * passes each message on; the others follow, and each takes the events that it asked for. Pages that name no scopes have
 * all that is granted; those that name some have a stream with the scopes of all of them. What of it is whose is told by
 * `../unite`.
 *
 * Nothing is lost because a page that follows is told every id, those of events that are not for it too, and because an id
 * is a position. It may follow from the moment in which its own last id is the leader's: it has all that lay before, and
 * what comes behind is passed on. Until the two meet it has a stream of its own, from its own cursor. Ids are compared as
 * texts and never read.
 *
 * A leader says where it stands before it opens a stream, and whoever stands there too follows from its first block on. A
 * stream that lacks a scope of some page is stopped, and the next one opened from where it came to.
 *
 * What a stream has lost is announced in blocks of which most have no id, so a page could come to stand where the leader
 * stands and not know of it. Whoever looks for its place is therefore told at once, and with the leader's answer of what was
 * announced before: a page may hear of a loss that it does not have, but misses none unheard.
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
  | readonly [kind: "ask", from: string, body: undefined]
  /** From the leader: what comes from here on. */
  | readonly [kind: "open", from: string, at: OpenAt]
  /** From the leader: one block of the stream; none when it has ended. */
  | readonly [kind: "block", from: string, message: ServerMessage | undefined];

interface OpenAt extends Opening {
  readonly id: string | undefined;
  /** The stream's first block; `undefined` where that is still to come. */
  readonly opened: ServerMessage | undefined;
}

/** How long a page waits for a leader's answer, in milliseconds: longer than a stream needs to open. */
const PATIENCE_MS = 3_000;
/** How long a leader whose stream has ended keeps the lock, in milliseconds: all others hear of it first and back off. */
const HOLD_MS = 250;

/** One page's part in it, for one connection of its client. */
export class SharedStream {
  readonly #me = crypto.randomUUID();
  readonly #inner: Transport;
  readonly #request: TransportRequest;
  readonly #channel: BroadcastChannel;
  readonly #union: Union;
  readonly #over = new AbortController();
  readonly #inbox: ServerMessage[] = [];
  #wake: (() => void) | undefined;
  #failure: unknown;
  #cursor: string | undefined;
  /** Of the leader: says what it has, and where that stands. */
  #tellOpen: (() => void) | undefined;
  #follows = false;
  /** Whom it follows, or looks for a place to follow from; and the last id of that. */
  #leader: string | undefined;
  #leaderId: string | undefined;
  /** Ends the stream that the page has itself, as leader or alone. */
  #stop: AbortController | undefined;
  /** The first block of the stream: of its own as leader, else of that which its client was given first. */
  #opened: ServerMessage | undefined;

  constructor(inner: Transport, request: TransportRequest, channel: BroadcastChannel, union: Union) {
    this.#inner = inner;
    this.#request = request;
    this.#channel = channel;
    this.#union = union;
    this.#cursor = request.lastEventId;
    channel.onmessage = ({ data }: MessageEvent<Post>) => this.#take(data);
  }

  /** What the page's client would get from a stream of its own, until that stream ends or the signal is aborted. */
  async *messages(locks: Locks, name: string, signal: AbortSignal): AsyncGenerator<ServerMessage> {
    signal.addEventListener("abort", () => this.#end());
    // It may have been aborted while the page loaded what it needs.
    if (signal.aborted) this.#end();
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
      this.#union.close();
      this.#channel.close();
    }
  }

  async #lead(signal: AbortSignal): Promise<void> {
    for (;;) {
      const scopes = await this.#union.gather(() => this.#stop?.abort());
      if (this.#over.signal.aborted) break;
      this.#opened = undefined;
      this.#tellOpen = () => this.#post("open", { id: this.#cursor, opened: this.#opened, ...this.#union.opening });
      this.#tellOpen();
      await this.#read({ scopes, events: [] }, (message) => {
        this.#union.notesLoss(message);
        this.#post("block", message);
        this.#deliver(message);
      });
    }
    // A page that goes hands over: the next one leads at once. A stream that has ended is over for all of them.
    if (signal.aborted) return;
    this.#post("block");
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  }

  #take([kind, from, body]: Post): void {
    if (this.#tellOpen) {
      if (kind === "ask") this.#tellOpen();
    } else if (kind === "open") this.#begin(from, body);
    else if (from !== this.#leader) return;
    else if (!this.#follows) {
      this.#leaderId = body?.id ?? this.#leaderId;
      if (body && this.#union.notesLoss(body)) this.#tellLosses([body]);
      this.#meet();
    } else if (body) this.#deliver(body);
    else this.#end();
  }

  #begin(leader: string, at: OpenAt): void {
    const { id, opened, losses } = at;
    const isNew = leader !== this.#leader;
    this.#follows = false;
    this.#leaderId = id;
    this.#leader = this.#union.lacks(at, () => this.#goAlone()) ? undefined : leader;
    if (!this.#leader) return;
    // Its id is where the leader's stream has begun, not where it stands.
    if (opened && !this.#opened) this.#deliver({ ...opened, id: undefined });
    // A page that begins now has lost nothing before, and who knew the leader has heard.
    if (isNew && this.#cursor) this.#tellLosses(losses);
    this.#meet();
  }

  /** Follows from here on, if it stands where the leader stands. */
  #meet(): void {
    if (this.#cursor && this.#cursor !== this.#leaderId) return this.#goAlone();
    this.#stop?.abort();
    this.#follows = true;
    this.#deliver({ id: this.#leaderId });
  }

  /** The place in the stream of each is the leader's. */
  #tellLosses(losses: readonly ServerMessage[]): void {
    for (const { id: _, ...loss } of losses) this.#inbox.push(loss);
    this.#wake?.();
  }

  #goAlone(): void {
    if (this.#tellOpen || this.#follows || this.#stop?.signal.aborted === false) return;
    this.#read({}, (message) => {
      this.#deliver(message);
      if (this.#leader) this.#meet();
    });
  }

  /** Reads a stream from where the page stands. With it ends the page's part, unless the page itself has stopped it. */
  async #read(more: Partial<TransportRequest>, take: (message: ServerMessage) => void): Promise<void> {
    this.#stop?.abort();
    const { signal } = this.#stop = new AbortController();
    try {
      for await (
        const message of this.#inner.connect({ ...this.#request, ...more, lastEventId: this.#cursor }, signal)
      ) {
        if (signal.aborted) return;
        take(message);
      }
      if (!signal.aborted) this.#end();
    } catch (error) {
      if (!signal.aborted && !this.#union.isRefused(error)) this.#end(error);
    }
  }

  /** Gives a message to the client, or what of it is the page's. */
  #deliver(message: ServerMessage): void {
    this.#opened ??= message;
    this.#cursor = message.id ?? this.#cursor;
    this.#inbox.push(this.#union.ownPart(message));
    this.#wake?.();
  }

  #end(failure?: unknown): void {
    this.#failure ??= failure;
    this.#over.abort();
    this.#stop?.abort();
    this.#wake?.();
  }

  #post(kind: Post[0], body?: unknown): void {
    this.#channel.postMessage([kind, this.#me, body]);
  }
}
