import { type ServerMessage, type Transport, TransportError, type TransportRequest } from "../transport.ts";
import { ClientState } from "./client_state.ts";
import { StoredCursor } from "./cursor_storage.ts";
import { EventBacklog } from "./event_backlog.ts";
import { type ControlData, EventIntake } from "./event_intake.ts";
import type { EventMap } from "./event_map.ts";
import { Listeners } from "./listeners.ts";
import { onWake } from "./on_wake.ts";
import { type SSEClientOptions, SSEUnauthorizedError, type TokenRequest } from "./sse_client_options.ts";
import type { SSEControl, SSEEvent, SSEGap } from "./sse_event.ts";
import type { CloseReason, SSESnapshot } from "./sse_snapshot.ts";
import { streamTransport } from "./stream_transport.ts";
import { DEFAULT_HEARTBEAT_MS, LOOK_MS, MAX_RETRY_MS, MIN_RETRY_MS, SILENCE_SHARE, TOKEN_WITHIN_MS } from "./timing.ts";

/**
 * Events of a gateway, for as long as it is open: it reconnects, resumes behind the last event, gives each event once, and
 * says so when something may be missing.
 */
export class SSEClient<Events extends object = EventMap> {
  readonly #options: SSEClientOptions<Events>;
  readonly #url: string;
  readonly #transport: Transport;
  readonly #cursor: StoredCursor;
  readonly #listeners = new Listeners();
  readonly #state = new ClientState(this.#listeners);
  readonly #intake: EventIntake;
  /** Aborted when the client closes; each opening has one of its own, so that a late token changes nothing. */
  #opening: AbortController | undefined;
  /** Ends what the client does now, if that is overdue: an attempt, or at a wake the pause before the next one. */
  #look: ((isWake?: boolean) => void) | undefined;
  #holders = 0;
  #connectionId: string | undefined;
  #tokenReason: TokenRequest["reason"] = "connect";
  #toldRetryMs: number | undefined;
  #heartbeatMs = DEFAULT_HEARTBEAT_MS;

  /** Opens nothing yet. */
  constructor(options: SSEClientOptions<Events> = {}) {
    const { url = globalThis.location?.origin ?? "", scopes, events, storage = "session" } = options;
    this.#options = options;
    this.#intake = new EventIntake(this.#listeners, options.parse);
    this.#url = url.replace(/\/$/, "");
    this.#transport = options.transport ?? streamTransport();
    this.#cursor = new StoredCursor(storage, options.storageKey ?? ["tidegate", this.#url, scopes, events].join(" "));
  }

  /** The state now; the same object until it changes. */
  getSnapshot(): SSESnapshot {
    return this.#state.snapshot;
  }

  /** Calls the listener after each change of the snapshot, never for events. Returns what ends that. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add("state", listener);
  }

  /** Calls the listener with each event of the name, in order. Returns what ends that. */
  on<Name extends keyof Events & string>(name: Name, listener: (event: SSEEvent<Events[Name]>) => void): () => void {
    return this.#listeners.add(`event ${name}`, listener);
  }

  /** Calls the listener with every event, also of names that the map does not have. Returns what ends that. */
  onAny(listener: (event: SSEEvent) => void): () => void {
    return this.#listeners.add("any", listener);
  }

  /** Calls the listener when events may be missing. Returns what ends that. */
  onGap(listener: (gap: SSEGap) => void): () => void {
    return this.#listeners.add("gap", listener);
  }

  /** Calls the listener when completeness cannot be proved: read all state anew. Returns what ends that. */
  onReset(listener: () => void): () => void {
    return this.#listeners.add("reset", listener);
  }

  /** Calls the listener with what went wrong: attempts, tokens, data that does not parse, listeners that throw. */
  onError(listener: (error: Error) => void): () => void {
    return this.#listeners.add("error", listener);
  }

  /** Calls the listener with the gateway's own events, `stream.*`. Returns what ends that. */
  onControl(listener: (control: SSEControl) => void): () => void {
    return this.#listeners.add("control", listener);
  }

  /** Does nothing when it is open. */
  open(): void {
    if (this.#opening) return;
    const { signal } = this.#opening = new AbortController();
    this.#tokenReason = "connect";
    this.#toldRetryMs = undefined;
    this.#set({ status: "connecting", closeReason: undefined, error: undefined, attempt: 0 });
    const looking = setInterval(() => this.#look?.(), LOOK_MS);
    signal.addEventListener("abort", () => clearInterval(looking));
    onWake(() => this.#look?.(true), signal);
    void this.#run(signal);
  }

  /** Does nothing when it is closed; {@link SSEClient.open} resumes. Ends the iterators. */
  close(): void {
    if (this.#opening) this.#end("client");
  }

  /** Opens for as long as somebody holds it: closes one macrotask after the last release, for StrictMode mounts twice. */
  acquire(): () => void {
    this.#holders++;
    this.open();
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#holders === 0) setTimeout(() => this.#holders === 0 && this.close());
    };
  }

  /** Events from now on, of one name or all, until the client closes. At most 1,000 wait; then the iterator throws a RangeError. */
  events<Name extends keyof Events & string>(name?: Name): AsyncIterableIterator<SSEEvent<Events[Name]>> {
    const backlog = new EventBacklog<SSEEvent<Events[Name]>>(() => {
      stopEvents();
      stopEnd();
    });
    const push = (event: SSEEvent<Events[Name]>) => backlog.push(event);
    const stopEvents = this.#listeners.add(name ? `event ${name}` : "any", push);
    const stopEnd = this.#listeners.add("end", () => backlog.end());
    return backlog;
  }

  /** As {@link SSEClient.events} of all names. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SSEEvent<Events[keyof Events & string]>> {
    return this.events();
  }

  async #run(closed: AbortSignal): Promise<void> {
    while (!closed.aborted) {
      const error = await this.#attempt(closed).catch(errorOf);
      if (closed.aborted) return;
      if (error) this.#listeners.tell("error", error);
      // A listener may have closed the client, and opened it again.
      if (closed.aborted || this.#isFinal(error)) return;
      if (this.#tokenReason !== "unauthorized") await this.#pause(error, closed);
    }
  }

  /** One connection, until it is over. */
  async #attempt(closed: AbortSignal): Promise<undefined> {
    const attempt = this.#state.snapshot.attempt + 1;
    const { scopes = [], events = [], getToken, fetch, credentials } = this.#options;
    const over = new AbortController();
    const live = AbortSignal.any([closed, over.signal]);
    const freshHeaders = async () => {
      live.throwIfAborted();
      return authorization(
        await Promise.race([
          getToken?.({ reason: this.#tokenReason, attempt }),
          new Promise<never>((_, reject) => live.addEventListener("abort", () => reject(live.reason))),
        ]),
      );
    };
    let headers: TransportRequest["headers"];
    let heardAtMs = Date.now();
    let limitMs = TOKEN_WITHIN_MS;
    this.#look = () => {
      if (live.aborted || Date.now() - heardAtMs <= limitMs) return;
      if (headers) this.#toldRetryMs = 0;
      over.abort(new Error(`Cannot ${headers ? "hear the gateway" : "get a token"}: nothing came in ${limitMs} ms`));
    };
    try {
      this.#set({ attempt, nextRetryAtMs: undefined });
      headers = await freshHeaders();
      limitMs = Infinity;
      this.#intake.startConnection();
      const lastEventId = this.#cursor.value;
      const request = { url: this.#url, scopes, events, lastEventId, headers, freshHeaders, fetch, credentials };
      for await (const message of this.#transport.connect(request, live)) {
        if (live.aborted) break;
        this.#take(message, live);
        if (closed.aborted) return;
        heardAtMs = Date.now();
        limitMs = this.#heartbeatMs * SILENCE_SHARE;
      }
    } finally {
      over.abort(new Error("Cannot go on: the stream is over"));
    }
  }

  /** Whether the end of an attempt is the end of all; asks for one fresh token before it believes a 401. */
  #isFinal(error: Error | undefined): boolean {
    if (error instanceof SSEUnauthorizedError) return this.#end("unauthorized", error);
    if (!(error instanceof TransportError) || !error.isFinal) {
      this.#tokenReason = "reconnect";
      return false;
    }
    if (error.status === 204) return this.#end("ended");
    if (error.status !== 401) return this.#end("refused", error);
    if (!this.#options.getToken || this.#tokenReason === "unauthorized") return this.#end("unauthorized", error);
    this.#tokenReason = "unauthorized";
    return false;
  }

  /** Waits before the next attempt: as long as the gateway said, else with full jitter. */
  async #pause(error: Error | undefined, closed: AbortSignal): Promise<void> {
    const { minMs = MIN_RETRY_MS, maxMs = MAX_RETRY_MS } = this.#options.retry ?? {};
    const told = (error instanceof TransportError ? error.retryAfterMs : undefined) ?? this.#toldRetryMs;
    this.#toldRetryMs = undefined;
    const { attempt } = this.#state.snapshot;
    const ceilingMs = Math.min(maxMs, minMs * 2 ** attempt);
    const pauseMs = told ?? minMs + Math.random() * (ceilingMs - minMs);
    const pause = new Promise<void>((resolve) => {
      const timer = setTimeout(done, pauseMs);
      function done() {
        clearTimeout(timer);
        resolve();
      }
      // One at a time: a listener for each of thousands of pauses would stay.
      closed.onabort = done;
      // What the gateway said is for its own good, also when the tab wakes.
      this.#look = (isWake) => isWake && told === undefined && done();
    });
    this.#set({ status: "reconnecting", error, nextRetryAtMs: Date.now() + pauseMs });
    await pause;
  }

  #take({ id, event, data = "", retryMs }: ServerMessage, live: AbortSignal): void {
    this.#toldRetryMs = retryMs ?? this.#toldRetryMs;
    const control = event && this.#intake.take(event, id ?? "", data);
    if (control) {
      if (event === "stream.opened") this.#noteOpened(control);
      if (event === "stream.closing") this.#toldRetryMs = control.retryAfterMs;
      if (event === "stream.token-expiring") void this.#renewToken(live);
    }
    // Only now: a reload while listeners run must bring the event again.
    if (id) this.#cursor.set(id);
  }

  #noteOpened({ connectionId, heartbeatMs = DEFAULT_HEARTBEAT_MS, transport = "stream" }: ControlData): void {
    this.#connectionId = connectionId;
    this.#heartbeatMs = heartbeatMs;
    this.#tokenReason = "reconnect";
    const status = transport === "poll" ? "polling" : "open";
    this.#set({ status, transport, attempt: 0, hasEverConnected: true, error: undefined });
  }

  /**
   * Gives an open stream a fresh token. What fails or hangs here ends with the stream, which ends with its token; the next
   * attempt asks anew.
   */
  async #renewToken(live: AbortSignal): Promise<void> {
    const { getToken, fetch: ask = fetch, credentials = "include" } = this.#options;
    try {
      const token = await getToken?.({ reason: "expiring", attempt: 0 });
      if (!token || live.aborted) return;
      const response = await ask(`${this.#url}/api/v1/events/connections/${this.#connectionId}/token`, {
        method: "POST",
        headers: authorization(token),
        credentials,
        signal: live,
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`Cannot renew the token of an open stream: ${response.status}`);
    } catch (error) {
      if (this.#opening) this.#listeners.tell("error", errorOf(error));
    }
  }

  #end(closeReason: CloseReason, error?: Error): true {
    this.#opening?.abort();
    this.#opening = undefined;
    this.#set({ status: "closed", closeReason, error, nextRetryAtMs: undefined });
    this.#listeners.tell("end");
    return true;
  }

  #set(change: Partial<SSESnapshot>): void {
    this.#state.set({ ...change, lastEventAtMs: this.#intake.lastEventAtMs, lastEventId: this.#cursor.value });
  }
}

function authorization(token: string | undefined): Readonly<Record<string, string>> {
  return token ? { authorization: `Bearer ${token}` } : {};
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
