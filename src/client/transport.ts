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
  /** What asks the gateway. Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
  /** Of `fetch`. Default `include`, for the cookie. */
  readonly credentials?: RequestCredentials | undefined;
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

/** Statuses by which the gateway refuses for good, with a problem that says why; docs/protocol.md. */
const REFUSALS = [400, 403, 404, 405, 406, 413, 415];

/** The gateway's refusal. */
export class TransportError extends Error {
  /** Tells it from other errors where classes cannot. */
  override readonly name = "TransportError";
  /** The HTTP status. */
  readonly status: number;
  /** Milliseconds after which the gateway wants to be asked again; `undefined` where it did not say. */
  readonly retryAfterMs: number | undefined;
  /** Whether waiting does not cure it: a fresh token may, or another request. */
  readonly isFinal: boolean;

  /**
   * Of an answer, {@link TransportError.of} makes it.
   *
   * @param detail what the gateway said, for a person
   * @param isOurs whether the gateway said it; else it is a proxy's, whose refusals pass: a 404 while the gateway is deployed
   */
  constructor(status: number, detail: string, retryAfterMs?: number, isOurs = true) {
    super(`Cannot get events: ${status} ${detail}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.isFinal = status === 204 || status === 401 || (isOurs && REFUSALS.includes(status));
  }

  /** What an answer without events says. Only the gateway's own refusals are problems (RFC 9457). */
  static async of(response: Response): Promise<TransportError> {
    const { status, headers } = response;
    const retryAfterMs = 1_000 * Number(headers.get("retry-after")) || undefined;
    const isOurs = !!headers.get("content-type")?.includes("problem+json");
    return new this(status, await response.text(), retryAfterMs, isOurs);
  }
}
