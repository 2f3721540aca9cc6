/*
 * The port through which a client gets its events. Whoever implements it keeps one connection's worth of promises: messages
 * in the stream's order, each `id` a cursor behind all that came before it. Coming back after an end is the client's.
 */

/** What a client asks for. */
export interface TransportRequest {
  /** Where the gateway's API begins, such as `https://events.example.com`. */
  readonly url: string;
  /** None for all that the token grants without a wildcard. */
  readonly scopes: readonly string[];
  /** Exact names or `domain.*`; none for all. */
  readonly events: readonly string[];
  /** The last `id` that the client has dealt with; `undefined` to begin now. */
  readonly lastEventId?: string | undefined;
  /** The credential: `Authorization`, or nothing where a cookie is sent. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Asks for a fresh credential: for a transport that asks the gateway again within one connection. None where `headers` stay good. */
  readonly freshHeaders?: () => Promise<Readonly<Record<string, string>>>;
}

/** One block of the stream. Without an `event` it is a sign of life, and with an `id` a checkpoint. */
export interface ServerMessage {
  /** The cursor behind this block. */
  readonly id?: string | undefined;
  /** An event's name; `stream.*` are the gateway's own. */
  readonly event?: string;
  /** JSON text. */
  readonly data?: string;
  /** Milliseconds after which the gateway wants to be asked again once this connection is over. */
  readonly retryMs?: number;
}

/** A way to the gateway. */
export interface Transport {
  /**
   * One connection. It ends when the gateway ends it, and throws the signal's reason when the signal is aborted.
   *
   * @throws TransportError when the gateway refuses; whatever `fetch` throws when it cannot be reached
   */
  connect(request: TransportRequest, signal: AbortSignal): AsyncIterable<ServerMessage>;
}

/**
 * Statuses by which the gateway refuses or ends for good; docs/protocol.md. Any other is a passing one, or that of a proxy
 * that is in trouble of its own (408, 421, 423, 425).
 */
const FINAL = [204, 400, 401, 403, 404, 405, 406, 413, 415];

/** The gateway's refusal. */
export class TransportError extends Error {
  /** Tells it from other errors where classes cannot. */
  override readonly name = "TransportError";
  /** The HTTP status. */
  readonly status: number;
  /** Milliseconds after which the gateway wants to be asked again; `undefined` where it did not say. */
  readonly retryAfterMs: number | undefined;

  /** `detail` is what the gateway said, for a person. */
  constructor(status: number, detail: string, retryAfterMs?: number) {
    super(`Cannot get events: ${status} ${detail}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether waiting does not cure it: a fresh token may, or another request. */
  get isFinal(): boolean {
    return FINAL.includes(this.status);
  }
}
