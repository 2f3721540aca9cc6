import type { CloseReason } from "../model/close_reason.ts";
import type { SSEErrorEvent } from "../model/events.ts";
import type { Gap } from "../model/gap.ts";
import { formatOffset, type OffsetFormat } from "../model/position.ts";
import type { Priority } from "../model/sse_message.ts";
import { formatSSE } from "../model/sse_format.ts";

/*
 * The gateway's own events, `stream.*`: what no client may be left guessing. Each function gives the bytes of one
 * whole block; the data's fields are the contract of docs/protocol.md.
 */

/** Data of `stream.opened`. */
export interface StreamOpened {
  readonly connectionId: string;
  readonly heartbeatMs: number;
  /** Whether the stream takes up a cursor. */
  readonly resumed: boolean;
  readonly scopes: readonly string[];
  /** Event patterns; empty for all. */
  readonly events: readonly string[];
  /** RFC 3339 time at which the token ends. */
  readonly expiresAt: string;
  readonly serverVersion: string;
  readonly node: string;
}

/**
 * First block of every stream; `retry` leaves ahead of it.
 *
 * @param cursor where the stream begins; `undefined` when a gap follows, whose cursor must not be told before it
 */
export function streamOpened(opened: StreamOpened, cursor: string | undefined, retryMs: number): Uint8Array {
  const data = JSON.stringify(opened);
  return encode({ retry: retryMs, event: "stream.opened", data, ...(cursor === undefined ? {} : { id: cursor }) });
}

/** Where a replay came from; the words are the wire's. */
export type ReplayOrigin = "journal" | "redis" | "bus";

/** Replay is over, live from here. */
export function caughtUp(replayed: number, from: ReplayOrigin, cursor: string): Uint8Array {
  return control("caught-up", { replayed, from }, cursor);
}

/**
 * Something may be missing.
 *
 * @param cursor the cursor behind the gap, so that it is announced once; `undefined` when another gap follows that the
 * cursor could not leave out: a stream that breaks between the two must hear of both again
 */
export function gapDetected(gap: Gap, format: OffsetFormat, cursor: string | undefined): Uint8Array {
  const { source, partition, reason, lost, resync } = gap;
  const from = formatOffset(gap.from, format);
  // The wire names the last offset that may be missing. An empty range (nothing readable behind `from`) names its start.
  const to = gap.next > gap.from ? formatOffset(gap.next - 1n, format) : from;
  return control("gap-detected", { source, partition, from, to, reason, lost, resync }, cursor);
}

/** A cursor that cannot be read: all that is known is that something may be missing, anywhere. */
export function invalidCursor(cursor: string): Uint8Array {
  const data = {
    source: null,
    partition: null,
    from: null,
    to: null,
    reason: "invalid-cursor",
    lost: null,
    resync: true,
  };
  return control("gap-detected", data, cursor);
}

/** Low-priority events that were shed for one slow reader; `from` and `to` are event identities. */
export interface EventsDropped {
  readonly priority: Priority;
  readonly count: number;
  readonly from: string;
  readonly to: string;
}

/** No cursor: the events that follow carry one that is true after this. */
export function eventsDropped(dropped: EventsDropped): Uint8Array {
  return control("events-dropped", dropped);
}

/** An upstream log went away or came back; streams stay. */
export function sourceChanged(source: string, state: "up" | "down"): Uint8Array {
  return control("source-changed", { source, state });
}

/** What a stream may read has changed while it was open. */
export function accessChanged(granted: readonly string[], revoked: readonly string[]): Uint8Array {
  return control("access-changed", { granted, revoked });
}

/** The token ends soon; `expiresAt` is RFC 3339. */
export function tokenExpiring(expiresAt: string): Uint8Array {
  return control("token-expiring", { expiresAt });
}

/** Last block of a stream that the gateway ends; `detail` is for a person, where the reason has several causes. */
export function streamClosing(reason: CloseReason, retryMs: number, detail?: string): Uint8Array {
  const data = JSON.stringify({ reason, retryAfterMs: retryMs, detail });
  return encode({ retry: retryMs, event: "stream.closing", data });
}

/** Something the client should know broke. */
export function streamFailed(error: SSEErrorEvent): Uint8Array {
  return control("failed", error);
}

/** Heartbeat of a stream whose cursor stands still: an empty comment. */
export const HEARTBEAT: Uint8Array = new TextEncoder().encode(":\n\n");

/** Heartbeat of a stream whose cursor has moved on events that were not for it: sets `lastEventId`, dispatches nothing. */
export function checkpoint(cursor: string): Uint8Array {
  return encode({ id: cursor });
}

function control(name: string, data: object, cursor?: string): Uint8Array {
  return encode({
    event: `stream.${name}`,
    data: JSON.stringify(data),
    ...(cursor === undefined ? {} : { id: cursor }),
  });
}

function encode(fields: Parameters<typeof formatSSE>[0]): Uint8Array {
  return encoder.encode(formatSSE(fields));
}

const encoder = new TextEncoder();
