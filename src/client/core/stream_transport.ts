import { type Transport, TransportError } from "../transport.ts";
import { eventStreamParser } from "./event_stream_parser.ts";
import { FIRST_BLOCK_WITHIN_MS, HEAD_WITHIN_MS } from "./timing.ts";

/** `GET /api/v1/events/stream` by `fetch`, which can send the token in a header where an EventSource cannot. */
export function streamTransport(): Transport {
  return {
    async *connect(request, signal) {
      const { url, scopes, events, lastEventId, headers, fetch: ask = fetch, credentials = "include" } = request;
      const late = new AbortController();
      const lateIn = (ms: number) =>
        setTimeout(() => late.abort(new Error(`Cannot open a stream: nothing came in ${ms} ms`)), ms);
      let timer = lateIn(HEAD_WITHIN_MS);
      const query = new URLSearchParams([
        ...scopes.map((scope) => ["scope", scope]),
        ...events.map((name) => ["event", name]),
      ]);
      try {
        const response = await ask(`${url}/api/v1/events/stream?${query}`, {
          headers: { accept: "text/event-stream", ...headers, ...(lastEventId && { "last-event-id": lastEventId }) },
          credentials,
          cache: "no-store",
          signal: AbortSignal.any([signal, late.signal]),
        });
        // A page instead of a stream is a proxy's or a portal's: time cures it.
        if (response.status !== 200 || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
          throw await TransportError.of(response);
        }
        clearTimeout(timer);
        timer = lateIn(FIRST_BLOCK_WITHIN_MS);
        const parse = eventStreamParser();
        // It takes a BOM off.
        const decoder = new TextDecoder();
        // Not `for await` over the body: Safari has none.
        const reader = response.body?.getReader();
        for (;;) {
          const chunk = await reader?.read();
          if (!chunk?.value) return;
          for (const { data, event, ...rest } of parse(decoder.decode(chunk.value, { stream: true }))) {
            clearTimeout(timer);
            yield data === undefined ? rest : { ...rest, event: event || "message", data };
          }
        }
      } finally {
        clearTimeout(timer);
        late.abort();
      }
    },
  };
}
