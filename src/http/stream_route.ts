import type { Authenticator } from "../access/authenticator.ts";
import { principalKey } from "../access/principal.ts";
import type { RateLimiter } from "../guard/rate_limiter.ts";
import type { CloseReason } from "../model/close_reason.ts";
import { ERROR_CODES } from "../model/error_code.ts";
import { openStream, refusedStream, type StreamContext } from "../stream/open_stream.ts";
import { parseSubscription, type SubscriptionLimits } from "../stream/subscription.ts";
import { STREAM_HEADERS } from "../wire/response_headers.ts";
import { problem } from "./problem.ts";
import type { Route, RouteRequest } from "./router.ts";

/** What `GET /api/v1/events/stream` works with. */
export interface StreamRouteContext {
  readonly authenticator: Authenticator;
  /** `undefined` until the sources are attached and the journal is warm: streams are refused softly. */
  stream(): StreamContext | undefined;
  readonly limits: SubscriptionLimits;
  /** How fast one principal may open streams. */
  readonly openRate: RateLimiter;
  /** Counts a refusal and draws its delay, in milliseconds. */
  refuse(reason: CloseReason): number;
}

/** `GET /api/v1/events/stream`: the request is read here; what a stream is, `src/stream` knows. */
export function streamRoute(context: StreamRouteContext): Route {
  return {
    path: "/api/v1/events/stream",
    methods: {
      GET: async (request) => statusIfPreferred(request.request, await open(context, request)),
      // A monitor's question whether a stream would open; it is not one.
      HEAD: () => new Response(null, { headers: STREAM_HEADERS }),
    },
  };
}

async function open(context: StreamRouteContext, { request, url }: RouteRequest): Promise<Response> {
  if (!acceptsStream(request.headers.get("accept"))) {
    return problem("not-acceptable", "This resource is a text/event-stream");
  }
  const outcome = await context.authenticator.authenticate({ method: request.method, headers: request.headers, url });
  if (outcome.kind === "refused") {
    // What is ours to mend passes; any status but 200 would silence a native EventSource for good.
    const isOurs = ERROR_CODES[outcome.code].status >= 500;
    return isOurs ? refusedStream("overloaded", context.refuse("overloaded")) : problem(outcome.code, outcome.detail);
  }
  const parsed = parseSubscription(url.searchParams, outcome.principal.grants, context.limits);
  if (parsed.kind === "refused") return problem(parsed.code, parsed.detail);
  if (context.openRate.take(principalKey(outcome.principal)).kind === "limited") {
    return refusedStream("rate-limited", context.refuse("rate-limited"));
  }
  const stream = context.stream();
  if (stream === undefined) return refusedStream("overloaded", context.refuse("overloaded"));
  return openStream(stream, outcome.principal, parsed.subscription, cursorOf(request.headers, url.searchParams));
}

/** The header wins: a browser sends it on a reconnect, while the URL stays what it was at first. An empty one is none. */
function cursorOf(headers: Headers, query: URLSearchParams): string | undefined {
  return headers.get("last-event-id") || query.get("last_event_id") || query.get("lastEventId") || undefined;
}

function acceptsStream(accept: string | null): boolean {
  return accept === null || /(?:^|[\s,])(?:text\/event-stream|text\/\*|\*\/\*)(?:$|[\s,;])/i.test(accept);
}

const RETRY_LINE = /^retry: (\d+)$/m;

/** `Prefer: status` asks for a real status where a native EventSource needs a stream that says no. */
async function statusIfPreferred(request: Request, response: Response): Promise<Response> {
  const reason = response.headers.get("x-tidegate-refused");
  if (reason === null || !/(?:^|[\s,])status(?:$|[\s,;])/i.test(request.headers.get("prefer") ?? "")) return response;
  const retryMs = Number(RETRY_LINE.exec(await response.text())?.[1] ?? 0);
  const isTooMany = reason === "rate-limited" || reason === "connection-limit";
  return problem(isTooMany ? "too-many-requests" : "unavailable", `Refused: ${reason}`, {
    "retry-after": String(Math.ceil(retryMs / 1_000)),
    "x-tidegate-refused": reason,
  });
}
