/** The state of a client: immutable, and the same object until something in it changes. Times in ms since 1970. */
export interface SSESnapshot {
  /** `reconnecting` also while it waits for its next attempt. */
  readonly status: "idle" | "connecting" | "open" | "reconnecting" | "polling" | "closed";
  /** Why it is closed: by `close()`, by the gateway for good (204), for want of a good token, or by another refusal. */
  readonly closeReason?: CloseReason | undefined;
  /** Attempts since the last open stream; 0 while one is open. */
  readonly attempt: number;
  /** When the next attempt is due, while one is waited for. */
  readonly nextRetryAtMs?: number | undefined;
  /** When the last event came; told with the next change of state, not as a change of its own. */
  readonly lastEventAtMs?: number | undefined;
  /** As `lastEventAtMs`. */
  readonly lastEventId?: string | undefined;
  /** Whether a stream or a poll was ever open since the client was made. */
  readonly hasEverConnected: boolean;
  /** How the last events came. */
  readonly transport: "stream" | "poll";
  /** Connecting or reconnecting for more than 5 s: a person should be told. */
  readonly isLost: boolean;
  /** What went wrong last; gone once a stream is open. */
  readonly error?: Error | undefined;
}

/** See {@link SSESnapshot}. */
export type CloseReason = "client" | "ended" | "unauthorized" | "refused";
