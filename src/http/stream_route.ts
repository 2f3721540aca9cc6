import type { CloseReason } from "../model/close_reason.ts";
import { openStream, refusedStream } from "../stream/open_stream.ts";
import { REFUSED_HEADER, STREAM_HEADERS } from "../wire/response_headers.ts";
import { problem } from "./problem.ts";
import { refusedWithStatus } from "./refused_with_status.ts";
import type { Route, RouteRequest } from "./router.ts";
import { readSubscriptionRequest, type SubscriptionContext } from "./subscription_request.ts";

/** `GET /api/v1/events/stream`: the request is read here; what a stream is, `src/stream` knows. */
export function streamRoute(context: SubscriptionContext): Route {
  return {
    path: "/api/v1/events/stream",
    methods: {
      GET: async (request) => statusIfPreferred(request.request, await open(context, request)),
      // A monitor's question whether a stream would open; it is not one.
      HEAD: () => new Response(null, { headers: STREAM_HEADERS }),
    },
  };
}

async function open(context: SubscriptionContext, request: RouteRequest): Promise<Response> {
  // Not passed over: a WebSocket client would wait for a 101 that does not come, and hold a stream open meanwhile.
  if (/\bwebsocket\b/i.test(request.request.headers.get("upgrade") ?? "")) {
    return problem("invalid-request", "This resource is a text/event-stream; there is no WebSocket here");
  }
  const asked = await readSubscriptionRequest(context, request, "text/event-stream");
  switch (asked.kind) {
    case "problem":
      return asked.response;
    case "refused":
      return refusedStream(asked.reason, asked.retryMs, asked.detail);
    case "request":
      return openStream(asked.stream, asked.principal, asked.subscription, asked.cursor);
  }
}

const DATA_LINE = /^data: (.*)$/m;

/** `Prefer: status` asks for a real status where a native EventSource needs a stream that says no. */
async function statusIfPreferred(request: Request, response: Response): Promise<Response> {
  const reason = response.headers.get(REFUSED_HEADER);
  if (reason === null || !/(?:^|[\s,])status(?:$|[\s,;])/i.test(request.headers.get("prefer") ?? "")) return response;
  const { retryAfterMs, detail } = JSON.parse(DATA_LINE.exec(await response.text())?.[1] ?? "{}");
  // Only refusedStream sets the header, from the table of close reasons.
  return refusedWithStatus(reason as CloseReason, retryAfterMs ?? 0, detail);
}
