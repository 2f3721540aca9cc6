import { createParser } from "eventsource-parser";
import {
  type ServerMessage,
  type Transport,
  TransportError,
  type TransportRequest,
} from "../../../src/client/transport.ts";

/** The stream itself as a transport, as plainly as can be: for what is built on top of one. */
export const fetchStream: Transport = {
  async *connect(request, signal) {
    const response = await fetch(urlOf(request), {
      headers: {
        ...request.headers,
        ...(request.lastEventId === undefined ? {} : { "last-event-id": request.lastEventId }),
      },
      signal,
    });
    if (!response.ok) throw new TransportError(response.status, await response.text());
    let messages: ServerMessage[] = [];
    const parser = createParser({
      onEvent: ({ id, event = "message", data }) => messages.push({ id, event, data }),
      onComment: () => messages.push({}),
    });
    for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      parser.feed(text);
      // A checkpoint dispatches nothing, and the parser does not tell it.
      for (const [, id] of text.matchAll(/(?:^|\n\n)id: ([^\n]+)\n\n/g)) messages.push({ id });
      yield* messages;
      messages = [];
    }
  },
};

function urlOf({ url, scopes, events }: TransportRequest): string {
  const query = new URLSearchParams();
  for (const scope of scopes) query.append("scope", scope);
  for (const event of events) query.append("event", event);
  return `${url}/api/v1/events/stream?${query}`;
}
