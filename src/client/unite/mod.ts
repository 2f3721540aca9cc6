import type { ServerMessage, TransportRequest } from "../transport.ts";

/*
 * What a leader tells the pages that share its stream, and what of the stream is whose: `shareStream` takes it from here,
 * and nobody else does.
 *
 * The stream has the scopes of all pages that answered when it was opened: its leader calls, gathers, and opens it. A page
 * that has gone gives no answer, so its scopes leave with the next opening. A page whose scopes the stream lacks asks for
 * them: when it comes, and once for each set of scopes that it is told of. So pages that answer late cannot make a leader
 * open streams without end. Where the gateway refuses the scopes of all, the leader goes on with its own, says no to whoever
 * asks, and the others have streams of their own.
 */

/**
 * Of what pages tell one another, here and in `../share`, and of what `../share` takes from here. Raise it there and here
 * with each change of either: in a deploy a browser has tabs of two versions, which must not hear each other.
 */
export const VERSION = 2;

/** What pages tell one another. */
export type Post =
  /** From a page that looks for a stream with these scopes. */
  | readonly [kind: "ask", from: string, scopes: readonly string[]]
  /** From a page that was called. */
  | readonly [kind: "here", from: string, scopes: readonly string[]]
  /** From the leader: who is there? */
  | readonly [kind: "call", from: string, body: undefined]
  /** From the leader: the stream gets no more scopes. */
  | readonly [kind: "no", from: string, body: undefined]
  /** From the leader: what comes from here on. */
  | readonly [kind: "open", from: string, opening: Opening]
  /** From the leader: one block of the stream. */
  | readonly [kind: "block", from: string, message: ServerMessage]
  /** From the leader: the stream has ended. */
  | readonly [kind: "end", from: string, ending: Ending];

/** A leader's stream. */
export interface Opening {
  /** Where it stands. */
  readonly id: string | undefined;
  readonly scopes: readonly string[];
  /** Its `stream.opened`; `undefined` where that is still to come. */
  readonly opened: ServerMessage | undefined;
  /** The blocks in which it has announced losses, at most the last {@link MAX_LOSSES}. */
  readonly losses: readonly ServerMessage[];
}

/** How a leader's stream ended. */
export type Ending = readonly [
  /** A block that says when the gateway wants to be asked again, if it said so. */
  closing: ServerMessage | undefined,
  /** What went wrong, as a text: a refusal of the leader's token is no verdict on those of the others. */
  failure: string | undefined,
];

/** How long a leader waits for answers, in milliseconds: pages that are not busy answer at once. */
const GATHER_MS = 100;
/** How long a leader whose stream has ended keeps the lock, in milliseconds: all others hear of it first and back off. */
const HOLD_MS = 250;

/**
 * How many announced losses of its stream a leader keeps for pages that come: far more than a page that reads as fast as it
 * can is ever told, and few enough to send. One that comes behind more is told of the last.
 */
const MAX_LOSSES = 16;

/** What pages that may share one stream have in common, as a name that tells nobody what it is. */
export async function nameOf({ url, scopes }: TransportRequest, subject: string): Promise<string> {
  const key = new TextEncoder().encode(JSON.stringify([url, subject, !scopes[0]]));
  return `tidegate ${VERSION} ${new Uint8Array(await crypto.subtle.digest("SHA-256", key))}`;
}

/** One page's part in it, for one connection of its client. */
export class Union {
  /** The scopes that the page names. */
  readonly own: readonly string[];
  readonly #events: readonly string[];
  readonly #freshHeaders: () => Promise<TransportRequest["headers"]>;
  readonly #me = crypto.randomUUID();
  readonly #channel: BroadcastChannel;
  /** Sets of scopes that lack one of the page's, and that it was told of before. */
  readonly #known = new Set<string>();
  /** Of the leader: lets it open the next stream; none before the first is open. */
  #reopen: (() => void) | undefined;
  /** Of the leader: its stream, and the scopes that pages have told since it was opened. */
  #opening: Opening = { id: undefined, scopes: [], opened: undefined, losses: [] };
  #told: readonly string[] = [];
  #closing: ServerMessage | undefined;
  #hasFailed = false;

  /**
   * @param request what the page would ask a stream of its own for
   * @param name what the pages that may share one stream have in common
   */
  constructor(
    { scopes, events, headers, freshHeaders = () => Promise.resolve(headers ?? {}) }: TransportRequest,
    name: string,
  ) {
    this.own = namesIn(scopes);
    this.#events = namesIn(events);
    this.#freshHeaders = freshHeaders;
    this.#channel = new BroadcastChannel(name);
  }

  get name(): string {
    return this.#channel.name;
  }

  /** Tells the other pages. */
  post(kind: Post[0], body?: unknown): void {
    this.#channel.postMessage([kind, this.#me, body]);
  }

  listen(listener: (post: Post) => void): void {
    this.#channel.onmessage = ({ data }: MessageEvent<Post>) => listener(data);
  }

  /** Nothing is told or heard any more. */
  close(): void {
    this.#channel.close();
  }

  /** Of a leader that is to open a stream: waits until all have told their scopes. */
  async gather(): Promise<void> {
    // Who names none has all.
    if (!this.own[0]) return;
    this.post("call");
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  }

  /** Of a leader: tells of the stream that it opens, and gives its scopes; `reopen` is called when it is to open another. */
  open(id: string | undefined, reopen: () => void): readonly string[] {
    const scopes = [...new Set([...this.own, ...(this.#hasFailed ? [] : this.#told)])];
    // The next stream brings what the last one dropped, for it goes on from before.
    this.#opening = { id, scopes, opened: undefined, losses: [] };
    this.#told = [];
    this.#closing = undefined;
    this.#reopen = reopen;
    this.post("open", this.#opening);
    return scopes;
  }

  /** Of a leader: what it hears from other pages. */
  hear([kind, , scopes]: Post): void {
    if (kind !== "ask" && kind !== "here") return;
    this.#told = [...this.#told, ...scopes];
    // All are told of the first stream when it is opened.
    if (kind === "here" || !this.#reopen) return;
    if (hasAll(this.#opening.scopes, scopes)) this.post("open", this.#opening);
    else if (this.#hasFailed) this.post("no");
    else this.#reopen();
  }

  /** Of a leader: tells the others of a block. */
  passOn(message: ServerMessage): void {
    const { id = this.#opening.id, event } = message;
    const { opened, losses } = this.#opening;
    this.#opening = {
      ...this.#opening,
      id,
      opened: event === "stream.opened" ? message : opened,
      losses: this.isLoss(message) ? [...losses, message].slice(-MAX_LOSSES) : losses,
    };
    // It comes with the end, for more pages than those that follow.
    if (event === "stream.closing") this.#closing = message;
    // The connection is the leader's, and so is its token: a sign of life is enough for the others.
    else this.post("block", event === "stream.token-expiring" ? { id: message.id } : message);
  }

  /** Of a leader whose stream has ended. */
  async end(failure: unknown): Promise<void> {
    const { retryAfterMs, message } = (failure ?? {}) as { readonly retryAfterMs?: number; readonly message?: string };
    this.post("end", [retryAfterMs ? { retryMs: retryAfterMs } : this.#closing, message]);
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  }

  /** Of a leader: whether its stream failed for the scopes of others; the next one has only its own. */
  isRefused(error: unknown): boolean {
    // Too many, or one that is not granted. Whatever else ends a stream ends it for all, who come back when they may.
    const { status } = error as { readonly status?: number };
    const isRefused = !hasAll(this.own, this.#opening.scopes) && (status === 400 || status === 403);
    this.#hasFailed ||= isRefused;
    return isRefused;
  }

  /** A fresh credential, unless the signal is aborted before it comes: what hangs must not keep the lock. */
  freshHeaders(signal: AbortSignal): Promise<TransportRequest["headers"]> {
    return Promise.race([this.#freshHeaders(), new Promise<never>((_, reject) => signal.onabort = reject)]);
  }

  /** Whether a stream of these scopes has all of the page's. */
  isIn(scopes: readonly string[]): boolean {
    return hasAll(scopes, this.own);
  }

  /** Whether the page was not told of these scopes before. */
  isNew(scopes: readonly string[]): boolean {
    return this.#known.size < this.#known.add(`${scopes}`).size;
  }

  /** Whether the message announces a loss. */
  isLoss({ event }: ServerMessage): boolean {
    return event === "stream.events-dropped" || event === "stream.gap-detected";
  }

  /**
   * What of a message is the page's: the event as its own stream would give it, under the first of its scopes that it
   * addresses; the id alone, where that is none, or where the page did not ask for the event.
   */
  ownPart(message: ServerMessage): ServerMessage {
    const { id, event = "stream.", data = "" } = message;
    const domain = event.replace(/\..*/, ".*");
    if (domain === "stream.*") return message;
    if (this.#events[0] && !this.#events.includes(event) && !this.#events.includes(domain)) return { id };
    if (!this.own[0]) return message;
    const envelope = JSON.parse(data);
    const addressed: readonly string[] = envelope.scopes ?? [envelope.scope];
    const own = this.own.filter((scope) => addressed.includes(scope));
    const [scope] = own;
    if (scope === undefined) return { id };
    // No scope holds a comma. What needs no change stays the text that it is.
    if (`${own}` === `${addressed}`) return message;
    return { ...message, data: JSON.stringify({ ...envelope, scope, scopes: own.length > 1 ? own : undefined }) };
  }
}

/** One value may have several, between commas, as in the gateway's URL. */
function namesIn(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(",")).filter(Boolean);
}

function hasAll(scopes: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => scopes.includes(scope));
}
