import { pause } from "./pause.ts";
import { pollTransport } from "./poll_transport.ts";
import { type ServerMessage, type Transport, TransportError, type TransportRequest } from "../transport.ts";

export { pollTransport } from "./poll_transport.ts";
export type { ServerMessage, Transport, TransportRequest } from "../transport.ts";

/** How a client gets its events: `auto` is the stream, and polls only while the stream does not come through. */
export type TransportMode = "auto" | "stream" | "poll";

/** Attempts without a single message after which `auto` polls. */
const MAX_FAILURES = 3;
/** Milliseconds in which a stream must have said something; the gateway speaks at once, so something holds it back. */
const FIRST_MESSAGE_MS = 10_000;
/** Milliseconds between two looks whether streams come through again. */
const PROBE_MS = 60_000;

const HELD_BACK = new Error("Cannot read the stream: it is held back");

/**
 * Polls where streams do not come through. The cursor goes along at each change, so nothing is lost and nothing comes twice.
 *
 * @param mode `stream` and `poll` never change
 */
export function withPolling(stream: Transport, mode: TransportMode = "auto"): Transport {
  if (mode !== "auto") return mode === "poll" ? pollTransport : stream;
  let failures = 0;
  return {
    async *connect(request, signal) {
      if (failures < MAX_FAILURES) {
        try {
          for await (const message of timely(stream, request, signal)) {
            // The end of a stream that has spoken counts for nothing.
            failures = -1;
            yield message;
          }
          if (++failures < MAX_FAILURES) return;
        } catch (error) {
          // What a stream is refused for good a poll is refused too.
          if (signal.aborted || (error instanceof TransportError && error.isFinal)) throw error;
          failures = error === HELD_BACK ? MAX_FAILURES : failures + 1;
          if (failures < MAX_FAILURES) throw error;
        }
      }
      // Where polls fail too the gateway is away, and a stream is as good a way as any to find it back.
      failures--;
      const lastEventId = yield* pollUntilBack(stream, request, signal, () => failures = MAX_FAILURES);
      failures = 0;
      const headers = await request.freshHeaders?.() ?? request.headers;
      yield* stream.connect({ ...request, headers, lastEventId }, signal);
    },
  };
}

/** Polls until streams come through again, and gives the cursor to go on from. */
async function* pollUntilBack(
  stream: Transport,
  request: TransportRequest,
  signal: AbortSignal,
  onAnswer: () => void,
): AsyncGenerator<ServerMessage, string | undefined> {
  let { lastEventId } = request;
  const back = new AbortController();
  const both = AbortSignal.any([signal, back.signal]);
  const probing = probe(stream, request, both).then(() => back.abort());
  try {
    for await (const message of pollTransport.connect(request, both)) {
      lastEventId = message.id ?? lastEventId;
      onAnswer();
      yield message;
      if (back.signal.aborted) break;
    }
  } catch (error) {
    // An answer that was under way is asked for again, by the stream.
    if (signal.aborted || !back.signal.aborted) throw error;
  } finally {
    back.abort();
    await probing;
  }
  return lastEventId;
}

/** Resolves when a stream has said something, or the signal is aborted. */
async function probe(stream: Transport, request: TransportRequest, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(PROBE_MS, signal);
    if (signal.aborted) return;
    try {
      // Without a cursor: it is a question, and nothing is to be replayed for it.
      for await (const _ of timely(stream, { ...request, lastEventId: undefined }, signal)) return;
    } catch {
      // Not yet.
    }
  }
}

async function* timely(
  stream: Transport,
  request: TransportRequest,
  signal: AbortSignal,
): AsyncGenerator<ServerMessage> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(HELD_BACK), FIRST_MESSAGE_MS);
  try {
    for await (const message of stream.connect(request, AbortSignal.any([signal, late.signal]))) {
      clearTimeout(timer);
      yield message;
    }
  } finally {
    clearTimeout(timer);
  }
}
