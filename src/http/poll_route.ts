import type { Principal } from "../access/principal.ts";
import { openPoll } from "../stream/open_poll.ts";
import { problem } from "./problem.ts";
import { refusedWithStatus } from "./refused_with_status.ts";
import type { Route, RouteRequest } from "./router.ts";
import { readSubscriptionRequest, type SubscriptionContext } from "./subscription_request.ts";

/** Longest wait in seconds: shorter than the 60 s after which proxies give up on an answer. */
const MAX_WAIT_S = 30;
const DEFAULT_WAIT_S = 25;
/** Most events of one answer; the answer is built as one text. */
const MAX_EVENTS = 1_000;
const DEFAULT_EVENTS = 500;

const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

/** `GET /api/v1/events/poll`: a stream in answers, for where something on the way holds streams back. */
export function pollRoute(context: SubscriptionContext): Route {
  return {
    path: "/api/v1/events/poll",
    methods: {
      GET: (request) => poll(context, request),
      HEAD: () => new Response(null, { headers: HEADERS }),
    },
  };
}

async function poll(context: SubscriptionContext, request: RouteRequest): Promise<Response> {
  const query = request.url.searchParams;
  const waitS = wholeNumber(query.get("wait"), DEFAULT_WAIT_S, 0, MAX_WAIT_S);
  if (waitS === undefined) return problem("invalid-request", `wait is a whole number of seconds, 0 to ${MAX_WAIT_S}`);
  const maxEvents = wholeNumber(query.get("limit"), DEFAULT_EVENTS, 1, MAX_EVENTS);
  if (maxEvents === undefined) return problem("invalid-request", `limit is a whole number, 1 to ${MAX_EVENTS}`);
  const asked = await readSubscriptionRequest(context, request, "application/json");
  if (asked.kind === "problem") return asked.response;
  if (asked.kind === "refused") return refusedWithStatus(asked.reason, asked.retryMs, asked.detail);
  const { stream, principal, subscription } = asked;
  const outcome = await openPoll(stream, principal, subscription, query.get("cursor") || asked.cursor, {
    waitMs: waitS * 1_000,
    maxEvents,
  });
  switch (outcome.kind) {
    case "answer":
      return new Response(outcome.body, { headers: HEADERS });
    case "refused":
      return refusedWithStatus(outcome.reason, outcome.retryMs);
    case "not-entitled":
      return noLongerEntitled(context, principal);
    case "unreadable":
      return problem("source-unavailable", "What was missed cannot be read at present", {
        "retry-after": String(Math.ceil(context.refuse("overloaded") / 1_000)),
      });
  }
}

function noLongerEntitled(context: SubscriptionContext, principal: Principal): Response {
  if (context.authenticator.revocations.isRevoked(principal)) {
    return problem("token-revoked", "The token was revoked while the answer was made");
  }
  return Date.now() >= principal.expiresAtMs
    ? problem("token-expired", "The token ended while the answer was made")
    : refusedWithStatus("banned", context.refuse("banned"));
}

/** `undefined` for a text that is no such number; the default where there is none. */
function wholeNumber(text: string | null, byDefault: number, least: number, most: number): number | undefined {
  if (text === null) return byDefault;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  return value >= least && value <= most ? value : undefined;
}
