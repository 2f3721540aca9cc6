import type { Transport } from "../../../src/client/transport.ts";
import { shareStream } from "../../../src/client/share/mod.ts";
import type { LockManagerDouble } from "./lock_manager.ts";

/** One tab: a client in small that comes back with its last id, and keeps what it was given. */
export class Page {
  readonly events: string[] = [];
  readonly names: string[] = [];
  /** The envelopes of the events, as they came. */
  readonly envelopes: unknown[] = [];
  /** What it was told of losses. */
  readonly losses: string[] = [];
  lastId: string | undefined;
  /** Where it begins: behind the first id that it had, or was given, which is never an event's. */
  firstId: string | undefined;
  openedCount = 0;
  /** How many of its connections ended, or failed, before it was closed. */
  endedCount = 0;
  readonly #transport: Transport;
  readonly #request: { readonly events: readonly string[]; readonly scopes: readonly string[] };
  readonly #closed = new AbortController();
  /** What the browser does with the page's locks when it goes away. */
  readonly #gone = new AbortController();
  readonly over: Promise<void>;

  constructor(
    inner: Transport,
    locks: LockManagerDouble,
    request: { readonly events?: readonly string[]; readonly scopes?: readonly string[]; readonly lastId?: string } =
      {},
    subject = "alice",
    share: typeof shareStream = shareStream,
  ) {
    this.#request = { events: request.events ?? [], scopes: request.scopes ?? [] };
    this.firstId = this.lastId = request.lastId;
    this.#transport = share(inner, { subject, locks: locks.page(this.#gone.signal) });
    this.over = this.#run();
  }

  /** Event patterns that it asked for; none for all. */
  get wants(): readonly string[] {
    return this.#request.events;
  }

  get scopes(): readonly string[] {
    return this.#request.scopes;
  }

  /** The user closes it: the client's own end runs. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.over;
    this.#gone.abort();
  }

  /** Its process is gone: nothing of it runs any more but what it has already posted; the browser frees its locks. */
  async kill(): Promise<void> {
    this.#gone.abort();
    await this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const request = {
        url: "https://gateway.test/stream",
        headers: { authorization: "Bearer page" },
        ...this.#request,
        lastEventId: this.lastId,
      };
      try {
        for await (const { id, event, data = "" } of this.#transport.connect(request, signal)) {
          if (signal.aborted) break;
          if (event === "stream.opened") this.openedCount++;
          else if (event === "stream.events-dropped" || event === "stream.gap-detected") this.losses.push(data);
          else if (event !== undefined && !event.startsWith("stream.")) {
            this.events.push(id ?? "no id");
            this.names.push(event);
            this.envelopes.push(JSON.parse(data));
          }
          this.lastId = id ?? this.lastId;
          this.firstId ??= id;
        }
      } catch {
        // The client backs off, for no time at all here.
      }
      if (!signal.aborted) this.endedCount++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
