import { formatPosition } from "../model/position.ts";
import type { PositionVector } from "../model/position_vector.ts";
import type { Connection, EndReason } from "../stream/connection.ts";

/** One stream as an operator sees it; plain JSON. Nothing of its events and nothing of its token. */
export interface ConnectionView {
  readonly id: string;
  /** Of its token; a subject means nothing without it. */
  readonly issuer: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Event patterns; empty for all. */
  readonly events: readonly string[];
  /** RFC 3339. */
  readonly openedAt: string;
  /** When its token ends, RFC 3339. */
  readonly expiresAt: string;
  /** Whole seconds, up to its end. */
  readonly ageSeconds: number;
  /** Events taken for the reader: sent, or waiting in its queue. */
  readonly frames: number;
  readonly bytes: number;
  readonly shedFrames: number;
  readonly queuedFrames: number;
  readonly queuedBytes: number;
  /** Identity of the last event that was taken: also the cursor that the client has, or is about to get. */
  readonly cursor: string | null;
  /** `null` while it is open. */
  readonly ended: { readonly at: string; readonly reason: EndReason } | null;
}

/** Describes a stream as it is now, or as it ended. */
export function connectionView(
  connection: Connection,
  positions: PositionVector,
  reason: EndReason | null = null,
): ConnectionView {
  const { id, reader, subscription, openedAtMs, tally } = connection;
  const nowMs = Date.now();
  return {
    id,
    issuer: reader.issuer,
    subject: reader.subject,
    scopes: subscription.scopes,
    events: subscription.patterns,
    openedAt: timeText(openedAtMs),
    expiresAt: timeText(reader.expiresAtMs),
    ageSeconds: Math.floor((nowMs - openedAtMs) / 1_000),
    frames: tally.frames,
    bytes: tally.bytes,
    shedFrames: tally.shedFrames,
    queuedFrames: connection.queuedFrames,
    queuedBytes: connection.queuedBytes,
    cursor: cursorText(connection, positions),
    ended: reason === null ? null : { at: timeText(nowMs), reason },
  };
}

function cursorText({ tally: { last } }: Connection, positions: PositionVector): string | null {
  const source = last === undefined ? undefined : positions.sources[last.sourceIndex];
  if (last === undefined || source === undefined) return null;
  return formatPosition({ source: source.source, partition: last.partition, offset: last.offset }, source.format);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
