import { pause } from "./pause.ts";
import { type ServerMessage, type Transport, TransportError, type TransportRequest } from "../transport.ts";

/** An answer of `GET /api/v1/events/poll`. */
interface Answer {
  readonly cursor: string;
  readonly events: readonly { readonly id: string; readonly event: string; readonly data: unknown }[];
  readonly gaps: readonly { readonly id?: string; readonly eventsBefore: number }[];
  readonly caughtUp: boolean;
}

/** Seconds that a poll waits: below the 30 s after which some proxies give up. */
const WAIT_S = 25;
/** Milliseconds between two polls while events keep coming; the gateway lets one principal make 20 a second. */
const PAUSE_MS = 250;
/** Milliseconds in which each answer comes: a client's watchdog is told so, as with the heartbeats of a stream. */
const SILENCE_MS = 30_000;
/**
 * Milliseconds after which a poll is taken for dead: the wait, and 10 s for a slow network. Nobody else would end it, for a
 * client's watchdog looks only after something came.
 */
const POLL_LIMIT_MS = 35_000;

/**
 * Gets events in answers instead of a stream. To its client it looks like one: `stream.opened` with the first answer, whose
 * data has `"transport":"poll"`, then what came, then a checkpoint.
 */
export const pollTransport: Transport = {
  async *connect(request, signal) {
    let cursor = request.lastEventId;
    for (let isFirst = true;; isFirst = false) {
      const startedAtMs = performance.now();
      const answer = await poll(request, cursor, signal);
      if (isFirst) yield opened(cursor);
      yield* messagesOf(answer);
      cursor = answer.cursor;
      const restMs = startedAtMs + PAUSE_MS - performance.now();
      if (answer.caughtUp && restMs > 0) await pause(restMs, signal);
    }
  },
};

async function poll(
  { url, scopes, events, headers = {}, fetch: ask = fetch, credentials = "include" }: TransportRequest,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const query = new URLSearchParams({ wait: `${WAIT_S}` });
  if (cursor) query.set("cursor", cursor);
  for (const scope of scopes) query.append("scope", scope);
  for (const event of events) query.append("event", event);
  const response = await ask(`${url}/api/v1/events/poll?${query}`, {
    headers,
    credentials,
    signal: AbortSignal.any([signal, AbortSignal.timeout(POLL_LIMIT_MS)]),
  });
  if (response.ok) return await response.json();
  throw await TransportError.of(response);
}

function opened(cursor: string | undefined): ServerMessage {
  const data = { heartbeatMs: SILENCE_MS, resumed: !!cursor, transport: "poll" };
  return { event: "stream.opened", data: JSON.stringify(data) };
}

/** Gaps in their places, and the cursor last: it may be further than the last event. */
function* messagesOf({ cursor, events, gaps }: Answer): Generator<ServerMessage> {
  for (let index = 0; index <= events.length; index++) {
    for (const { id, eventsBefore, ...gap } of gaps) {
      if (eventsBefore === index) yield { id, event: "stream.gap-detected", data: JSON.stringify(gap) };
    }
    const event = events[index];
    if (event) yield { ...event, data: JSON.stringify(event.data) };
  }
  yield { id: cursor };
}
