import type { Transport } from "../transport.ts";
import type { CursorStorage } from "./cursor_storage.ts";

/** What a client is made with. */
export interface SSEClientOptions<Events extends object> {
  /** Where the gateway's API begins, such as `https://events.example.com`; default: the page's own origin. */
  readonly url?: string;
  /** Default: all that the token grants without a wildcard. */
  readonly scopes?: readonly string[];
  /** Exact names or `domain.*`; default: all. */
  readonly events?: readonly string[];
  /**
   * Gives the token; asked before every attempt. Throw {@link SSEUnauthorizedError} to close for good: any other error backs
   * off, and so does 20 s without a token. Default: none, for a cookie.
   */
  readonly getToken?: (request: TokenRequest) => string | Promise<string>;
  /** Default `include`, for the cookie. */
  readonly credentials?: RequestCredentials;
  /** Where the cursor survives a reload. Default `session`. */
  readonly storage?: "session" | "local" | "memory" | CursorStorage;
  /** Default: made from URL, scopes and events. */
  readonly storageKey?: string;
  /** Synchronous Standard Schemas by event name: what does not pass goes to `onError` instead of the listeners. */
  readonly parse?: { readonly [Name in keyof Events]?: StandardSchema<Events[Name]> };
  /** Range of the full-jitter back-off. Default 500 to 20,000 ms. What the gateway says wins. */
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
  /** What asks the gateway, whichever the transport. Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Default: the stream. */
  readonly transport?: Transport;
}

/** Why a token is asked for. */
export interface TokenRequest {
  /** `unauthorized`: the last one was refused. `expiring`: an open stream's token ends soon. */
  readonly reason: "connect" | "reconnect" | "unauthorized" | "expiring";
  /** From 1; 0 for an open stream. */
  readonly attempt: number;
}

/** Thrown by `getToken` when there is no session any more: the client closes. */
export class SSEUnauthorizedError extends Error {
  /** Tells it from other errors where classes cannot. */
  override readonly name = "SSEUnauthorizedError";
}

/** The part of https://standardschema.dev that is used. */
export interface StandardSchema<Output> {
  /** The schema's own name for what every library offers. */
  readonly "~standard": {
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };
