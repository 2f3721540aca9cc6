import type { Scope } from "./scope.ts";
import { formatSSE } from "./sse_format.ts";

/** What is shed first when one reader falls behind: `low`. The others are never dropped while connected. */
export const PRIORITIES = ["low", "normal", "high"] as const;
/** One of {@link PRIORITIES}. */
export type Priority = (typeof PRIORITIES)[number];

/** What an {@link SSEMessage} is made from; optional fields have the defaults that the class names. */
export interface SSEMessageInit {
  readonly event: string;
  readonly data: unknown;
  readonly scope: Scope;
  readonly time: string;
  readonly id?: string;
  readonly retry?: number;
  readonly version?: number;
  readonly audience?: readonly Scope[];
  readonly priority?: Priority;
  readonly conflationKey?: string;
}

/** What the pipeline makes of a record: one event on its way to the readers of one scope. */
export class SSEMessage {
  /** Name on the wire, `domain.action-past`. */
  readonly event: string;
  /** What the publisher said, minimised: any JSON value. */
  readonly data: unknown;
  /** Cursor of the stream after this message; the journal gives it. */
  readonly id: string | undefined;
  /** Milliseconds; the server's alone, never from a publisher. */
  readonly retry: number | undefined;
  readonly scope: Scope;
  /** Version of the shape of `data`; default 1. */
  readonly version: number;
  /** When it happened: RFC 3339, UTC, milliseconds. */
  readonly time: string;
  /** Scopes that a principal must all hold besides `scope`; default none. */
  readonly audience: readonly Scope[];
  /** Default `normal`. */
  readonly priority: Priority;
  /** In a full send queue a newer message replaces an older one of the same event, scope and key; default none. */
  readonly conflationKey: string | undefined;

  constructor(init: SSEMessageInit) {
    this.event = init.event;
    this.data = init.data;
    this.id = init.id;
    this.retry = init.retry;
    this.scope = init.scope;
    this.version = init.version ?? 1;
    this.time = init.time;
    this.audience = init.audience ?? [];
    this.priority = init.priority ?? "normal";
    this.conflationKey = init.conflationKey;
  }

  /**
   * The message's block of an event stream. `data` is JSON on one line: `{"version","scope","time","data"}`.
   *
   * @throws TypeError when `event` or `id` cannot stand in a frame, or `data` is not JSON (a cycle, a bigint)
   */
  toSSEFormat(): string {
    return formatSSE({
      event: this.event,
      data: JSON.stringify({ version: this.version, scope: this.scope, time: this.time, data: this.data ?? null }),
      ...(this.id === undefined ? {} : { id: this.id }),
      ...(this.retry === undefined ? {} : { retry: this.retry }),
    });
  }
}
