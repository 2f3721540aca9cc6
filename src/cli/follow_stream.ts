import { createParser } from "eventsource-parser";
import { pauseFor } from "./pause_for.ts";
import { refusalText, type Remote } from "./remote.ts";

/** One event of a stream. */
export interface FollowedEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** The gateway refused for good: to ask again would change nothing. */
export class FollowRefused extends Error {
  override readonly name = "FollowRefused";
}

/** What following does beside giving events. */
export interface FollowOptions {
  /** Told that it comes back in so many milliseconds, and why. */
  readonly onBreak: (reason: string, retryMs: number) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Where the stream has not said: as a browser does. */
const DEFAULT_RETRY_MS = 3_000;

/**
 * Follows an event stream as a browser would: comes back after each break with the last id, when the stream said.
 *
 * @throws FollowRefused when the gateway answers 4xx
 */
export async function* followStream(
  remote: Remote,
  path: string,
  from: string | undefined,
  { onBreak, signal }: FollowOptions,
): AsyncGenerator<FollowedEvent> {
  let lastEventId = from;
  let retryMs = DEFAULT_RETRY_MS;
  while (!signal.aborted) {
    let reason = "the stream ended";
    const events: FollowedEvent[] = [];
    const parser = createParser({
      onEvent: ({ id, event = "message", data }) => void events.push({ id, event, data }),
      onRetry: (ms) => void (retryMs = ms),
    });
    try {
      const headers = { ...remote.headers, ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
      const response = await fetch(`${remote.url}${path}`, { headers, signal });
      if (response.status >= 400 && response.status < 500) throw new FollowRefused(await refusalText(response));
      if (!response.ok) throw new Error(await refusalText(response));
      for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
        parser.feed(text);
        for (const event of events.splice(0)) {
          lastEventId = event.id ?? lastEventId;
          yield event;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof FollowRefused) throw error;
      reason = error instanceof Error ? error.message : String(error);
    }
    onBreak(reason, retryMs);
    await pauseFor(retryMs, signal);
  }
}
