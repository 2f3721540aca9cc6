import type { ServerMessage, TransportRequest } from "../transport.ts";

/*
 * What of a stream is whose, when pages that ask for different events or name different scopes share it: `shareStream` takes
 * it from here, and nobody else does.
 *
 * The stream has the scopes of all pages that answered when it was opened: its leader calls, gathers, and opens it. A page
 * that has gone gives no answer, so its scopes leave with the next opening. A page that is told of a stream which lacks one
 * of its scopes asks the leader for more, once for each set of scopes that it is told of: pages that answer late cannot
 * make a leader open streams without end. It may be told of one opening often, for each page that comes is. Where the gateway refuses the scopes of all, the leader goes on with its own,
 * says no to whoever asks, and the others have streams of their own.
 */

/** What pages tell one another of their scopes. */
type Post =
  /** From the leader: who is there? */
  | readonly [kind: "call"]
  /** From a page that was called. */
  | readonly [kind: "here", scopes: readonly string[]]
  /** From a page whose scopes the stream lacks. */
  | readonly [kind: "ask", scopes: readonly string[]]
  /** From the leader: the stream gets no more scopes. */
  | readonly [kind: "no"];

/** How long a leader waits for answers, in milliseconds: pages that are not busy answer at once. */
const GATHER_MS = 100;
/** How long a page waits for a stream with its scopes, in milliseconds: longer than one needs to open. */
const PATIENCE_MS = 3_000;

/**
 * How many announced losses of its stream a leader keeps for pages that come: far more than a page that reads as fast as it
 * can is ever told, and few enough to send. One that comes behind more is told of the last.
 */
const MAX_LOSSES = 16;

/** What a leader tells of its stream. */
export interface Opening {
  /** Tells one opening from any other. */
  readonly opening: string;
  readonly scopes: readonly string[];
  /** The blocks in which the stream has announced losses, at most the last {@link MAX_LOSSES}. */
  readonly losses: readonly ServerMessage[];
}

/** One page's part in it, for one connection of its client. */
export class Union {
  readonly #own: readonly string[];
  readonly #events: readonly string[];
  readonly #channel: BroadcastChannel;
  /** Sets of scopes that lack one of the page's, and that it was told of before. */
  readonly #known = new Set<string>();
  /** The last opening that lacks one, and was told of. */
  #lacking: string | undefined;
  /** What the page does when it asks in vain. */
  #goAlone = () => {};
  #patience: ReturnType<typeof setTimeout> | undefined;
  /** Of the leader: lets it open the next stream. */
  #reopen: (() => void) | undefined;
  /** Of the leader: the scopes of its stream, and what pages have told since it was opened. */
  #scopes: readonly string[] = [];
  #told: readonly string[] = [];
  #hasFailed = false;
  #losses: readonly ServerMessage[] = [];
  #opening = "";

  /**
   * @param request what the page would ask a stream of its own for
   * @param name what the pages that may share one stream have in common
   */
  constructor({ scopes, events }: TransportRequest, name: string) {
    this.#own = namesIn(scopes);
    this.#events = namesIn(events);
    this.#channel = new BroadcastChannel(`${name} scopes`);
    this.#channel.onmessage = ({ data }: MessageEvent<Post>) => this.#take(data);
  }

  /** Of a leader: what it tells of its stream. */
  get opening(): Opening {
    return { opening: this.#opening, scopes: this.#scopes, losses: this.#losses };
  }

  /** Whether the message announces a loss, which a leader then tells of. */
  notesLoss(message: ServerMessage): boolean {
    const isLoss = message.event === "stream.events-dropped" || message.event === "stream.gap-detected";
    if (isLoss) this.#losses = [...this.#losses, message].slice(-MAX_LOSSES);
    return isLoss;
  }

  /** Of a leader: the scopes of the stream that it is to open; `reopen` is called when it is to open another. */
  async gather(reopen: () => void): Promise<readonly string[]> {
    // The next stream brings what the last one dropped, for it goes on from before.
    this.#losses = [];
    this.#reopen = reopen;
    // Who names none has all.
    if (this.#own[0]) {
      this.#post("call");
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    }
    this.#opening = crypto.randomUUID();
    this.#scopes = [...new Set([...this.#own, ...(this.#hasFailed ? [] : this.#told)])];
    this.#told = [];
    return this.#scopes;
  }

  /** Of a leader: whether its stream failed for the scopes of others; the next one has only its own. */
  isRefused(error: unknown): boolean {
    // Too many, or one that is not granted. Whatever else ends a stream ends it for all, who come back when they may.
    const { status } = error as { readonly status?: number };
    const isRefused = !hasAll(this.#own, this.#scopes) && (status === 400 || status === 403);
    this.#hasFailed ||= isRefused;
    return isRefused;
  }

  /** Whether a stream lacks one of the page's scopes. Then it asks for more; `goAlone` where that is in vain. */
  lacks({ opening, scopes }: Opening, goAlone: () => void): boolean {
    if (opening === this.#lacking) return true;
    clearTimeout(this.#patience);
    this.#goAlone = () => {};
    if (hasAll(scopes, this.#own)) return false;
    this.#lacking = opening;
    if (this.#known.has(`${scopes}`)) goAlone();
    else {
      this.#known.add(`${scopes}`);
      this.#goAlone = goAlone;
      this.#patience = setTimeout(goAlone, PATIENCE_MS);
      this.#post("ask", this.#own);
    }
    return true;
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
    if (!this.#own[0]) return message;
    const envelope = JSON.parse(data);
    const addressed: readonly string[] = envelope.scopes ?? [envelope.scope];
    const own = this.#own.filter((scope) => addressed.includes(scope));
    const [scope] = own;
    if (scope === undefined) return { id };
    // No scope holds a comma. What needs no change stays the text that it is.
    if (`${own}` === `${addressed}`) return message;
    return { ...message, data: JSON.stringify({ ...envelope, scope, scopes: own.length > 1 ? own : undefined }) };
  }

  /** Nothing is told or answered any more. */
  close(): void {
    clearTimeout(this.#patience);
    this.#channel.close();
  }

  #take([kind, scopes = []]: Post): void {
    if (!this.#reopen) {
      if (kind === "call") this.#post("here", this.#own);
      if (kind === "no") this.#goAlone();
      return;
    }
    this.#told = [...this.#told, ...scopes];
    if (kind !== "ask" || hasAll(this.#scopes, scopes)) return;
    if (this.#hasFailed) this.#post("no");
    else this.#reopen();
  }

  #post(...post: Post): void {
    this.#channel.postMessage(post);
  }
}

/** One value may have several, between commas, as in the gateway's URL. */
function namesIn(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(",")).filter(Boolean);
}

function hasAll(scopes: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => scopes.includes(scope));
}
