import type { CloseReason } from "../model/close_reason.ts";
import { SERVER_VERSION } from "../model/server_version.ts";
import type { ReplayContext } from "../replay/replay.ts";
import { CursorWriter } from "../wire/cursor.ts";
import {
  caughtUp,
  invalidCursor,
  type ReplayOrigin,
  streamClosing,
  streamFailed,
  streamOpened,
} from "../wire/control_events.ts";
import { REFUSED_HEADER, STREAM_HEADERS } from "../wire/response_headers.ts";
import type { Connection } from "./connection.ts";
import type { Reader } from "./reader.ts";
import type { StreamManager } from "./stream_manager.ts";
import { replayFrom, type StreamStart, streamStart } from "./stream_start.ts";
import type { Subscription } from "./subscription.ts";

/** What opening a stream works with. */
export interface StreamContext {
  readonly manager: StreamManager;
  readonly replay: ReplayContext;
  readonly heartbeatMs: number;
  readonly node: string;
  readonly allowEarliest: boolean;
  /** Told of a replay that has reached the head, and of the deepest place it had to read. */
  readonly onReplayed: (origin: ReplayOrigin) => void;
  /** Told of what should not happen: a replay that failed, of a stream or a poll, by its identity. */
  readonly onFailure: (id: string, error: unknown) => void;
}

/**
 * How a stream goes out: admission, the first event, what was missed, live.
 *
 * @param cursor text of `Last-Event-ID`, or a reserved word; `undefined` for a first connection
 */
export function openStream(
  context: StreamContext,
  reader: Reader,
  subscription: Subscription,
  cursor: string | undefined,
): Response {
  const refusal = context.manager.refusalFor(reader) ?? replayRefusal(context, cursor);
  if (refusal !== undefined) return refusedStream(refusal, context.manager.refuse(refusal));
  const connection = context.manager.open(reader, subscription);
  const start = streamStart(context, cursor);
  connection.send(openedBlock(context, connection, start));
  if (start.kind === "live") context.manager.join(connection);
  else void bringToHead(context, connection, start);
  return new Response(connection.body, { headers: STREAM_HEADERS });
}

/** A crowd that comes back is let in piece by piece; who needs no replay never waits for it. */
export function replayRefusal({ replay }: StreamContext, cursor: string | undefined): "overloaded" | undefined {
  const needsReplay = cursor !== undefined && cursor !== "" && cursor !== "now";
  return needsReplay && replay.turns.isFull ? "overloaded" : undefined;
}

/** A refusal that the client should retry: a stream that says so and ends. Anything but 200 would silence a native EventSource. */
export function refusedStream(reason: CloseReason, retryMs: number, detail?: string): Response {
  return new Response(new Blob([streamClosing(reason, retryMs, detail).slice()]).stream(), {
    headers: { ...STREAM_HEADERS, [REFUSED_HEADER]: reason },
  });
}

function openedBlock(context: StreamContext, connection: Connection, start: StreamStart): Uint8Array {
  const opened = {
    connectionId: connection.id,
    heartbeatMs: context.heartbeatMs,
    resumed: start.kind === "resume" || start.kind === "other-epoch",
    scopes: connection.subscription.scopes,
    events: connection.subscription.patterns,
    expiresAt: new Date(connection.reader.expiresAtMs).toISOString(),
    serverVersion: SERVER_VERSION,
    node: context.node,
  };
  return streamOpened(opened, cursorAt(context, start), connection.retryMs);
}

/** The cursor that is true before anything else is told; none when a gap is to be told first. */
function cursorAt({ replay: { journal } }: StreamContext, start: StreamStart): string | undefined {
  switch (start.kind) {
    case "live":
      return journal.cursor();
    case "resume":
      return start.point.gaps.length === 0 ? new CursorWriter(start.point.at).text() : undefined;
    case "other-epoch":
    case "unusable":
      return undefined;
  }
}

async function bringToHead(
  context: StreamContext,
  connection: Connection,
  start: Exclude<StreamStart, { kind: "live" }>,
): Promise<void> {
  const { manager, replay: { journal } } = context;
  if (start.kind === "unusable") {
    connection.send(invalidCursor(journal.cursor()));
    return manager.join(connection);
  }
  try {
    await replayFrom(context.replay, connection, start, (replayed, origin) => {
      connection.send(caughtUp(replayed, origin, journal.cursor()));
      context.onReplayed(origin);
      manager.join(connection);
    }, connection.endSignal);
  } catch (error) {
    if (connection.hasEnded) return;
    context.onFailure(connection.id, error);
    const message = "What was missed cannot be read at present";
    connection.send(streamFailed({ code: "source-unavailable", message, retryable: true }));
    connection.close("overloaded");
  }
}
