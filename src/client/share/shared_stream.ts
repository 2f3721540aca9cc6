import type { ServerMessage, Transport, TransportRequest } from "../transport.ts";
import type { Opening, Post, Union } from "../unite/mod.ts";

/*
 * One stream for all pages of one browser: the page that holds a lock leads, which is to say that it has the stream and
 * passes each message on; the others follow, and each takes the events that it asked for. Pages that name no scopes have
 * all that is granted; those that name some have a stream with the scopes of all of them. What a leader tells, and what of
 * its stream is whose, is in `../unite`.
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

/** How long a page waits for a stream that it may follow, in milliseconds: longer than one needs to open. */
const PATIENCE_MS = 3_000;

/** One page's part in it, for one connection of its client. */
export class SharedStream {
  readonly #inner: Transport;
  readonly #request: TransportRequest;
  readonly #union: Union;
  readonly #over = new AbortController();
  readonly #inbox: ServerMessage[] = [];
  #wake: (() => void) | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #failure: unknown;
  #cursor: string | undefined;
  /** The credential that came with the connection: for one stream, and none for a page that has followed, maybe for hours. */
  #headers: TransportRequest["headers"];
  #leads = false;
  #follows = false;
  /** Whom it follows, or looks for a place to follow from; and the last id of that. */
  #leader: string | undefined;
  #leaderId: string | undefined;
  /** Ends the stream that the page has itself, as leader or alone. */
  #stop: AbortController | undefined;
  /** Whether its client was given a `stream.opened`. */
  #isOpened = false;

  constructor(inner: Transport, request: TransportRequest, union: Union) {
    this.#inner = inner;
    this.#request = request;
    this.#union = union;
    this.#cursor = request.lastEventId;
    this.#headers = request.headers;
    union.listen((post) => this.#take(post));
  }

  /** What the page's client would get from a stream of its own, until that stream ends or the signal is aborted. */
  async *messages(locks: Locks, signal: AbortSignal): AsyncGenerator<ServerMessage> {
    signal.addEventListener("abort", () => this.#end());
    // It may have been aborted while the page loaded what it needs.
    if (signal.aborted) this.#end();
    const turn = locks.request(this.#union.name, { signal: this.#over.signal }, () => this.#lead(signal))
      .catch(() => {});
    this.#look(true);
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
      clearTimeout(this.#patience);
      await turn;
      this.#union.close();
    }
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#leads = true;
    for (;;) {
      await this.#union.gather();
      if (this.#over.signal.aborted) break;
      const scopes = this.#union.open(this.#cursor, () => this.#stop?.abort());
      await this.#read({ scopes, events: [] }, (message) => {
        this.#deliver(message);
        this.#union.passOn(message);
      });
    }
    // A page that goes hands over: the next one leads at once. A stream that has ended is over for all of them.
    if (!signal.aborted) await this.#union.end(this.#failure);
  }

  #take(post: Post): void {
    const [kind, from, body] = post;
    if (this.#leads) this.#union.hear(post);
    else if (kind === "call") this.#union.post("here", this.#union.own);
    else if (kind === "no") this.#goAlone();
    else if (kind === "open") this.#begin(from, body);
    else if (kind === "end") {
      // Any of them may lead next, so what the gateway said to one it said to all.
      const [closing, failure] = body;
      if (closing) this.#deliver(closing);
      if (closing || this.#follows) this.#end(failure && new Error(failure));
    } else if (kind === "block" && from === this.#leader) {
      if (this.#follows) return this.#deliver(body);
      this.#leaderId = body.id ?? this.#leaderId;
      this.#hear(body);
      this.#meet();
    }
  }

  #begin(leader: string, { id, opened, scopes, losses }: Opening): void {
    const isNew = leader !== this.#leader;
    this.#follows = false;
    this.#leaderId = id;
    this.#leader = this.#union.isIn(scopes) ? leader : undefined;
    if (!this.#leader) return this.#look(this.#union.isNew(scopes));
    if (opened) this.#hear(opened);
    // A page that begins now has lost nothing before, and who knew the leader has heard.
    if (isNew && this.#cursor) losses.forEach((loss) => this.#hear(loss));
    this.#meet();
  }

  /** Takes what matters to a page that does not follow yet. Its place in the stream is the leader's. */
  #hear(message: ServerMessage): void {
    // One that has no stream yet is open with the leader's.
    if (this.#union.isLoss(message) || (!this.#isOpened && message.event === "stream.opened")) {
      this.#deliver({ ...message, id: undefined });
    }
  }

  /** Follows from here on, if it stands where the leader stands. */
  #meet(): void {
    if (this.#cursor && this.#cursor !== this.#leaderId) return this.#goAlone();
    this.#stop?.abort();
    this.#follows = true;
    this.#headers = undefined;
    this.#deliver({ id: this.#leaderId });
  }

  /** Waits for a leader's stream that has its scopes; asks for one, unless it has done so before. */
  #look(asks: boolean): void {
    if (asks) this.#union.post("ask", this.#union.own);
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#goAlone(), PATIENCE_MS);
  }

  #goAlone(): void {
    if (this.#leads || this.#follows || this.#stop?.signal.aborted === false) return;
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
      const headers = this.#headers ?? await this.#union.freshHeaders(signal);
      this.#headers = undefined;
      const request = { ...this.#request, ...more, headers, lastEventId: this.#cursor };
      for await (const message of this.#inner.connect(request, signal)) {
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
    this.#isOpened ||= message.event === "stream.opened";
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
}
