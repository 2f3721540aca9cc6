import type { Authenticator } from "../access/authenticator.ts";
import { type Principal, principalKey } from "../access/principal.ts";
import type { RateLimiter } from "../guard/rate_limiter.ts";
import type { CloseReason } from "../model/close_reason.ts";
import { ERROR_CODES } from "../model/error_code.ts";
import type { StreamContext } from "../stream/open_stream.ts";
import type { Openings } from "../stream/openings.ts";
import { parseSubscription, type Subscription, type SubscriptionLimits } from "../stream/subscription.ts";
import { problem } from "./problem.ts";
import type { RouteRequest } from "./router.ts";

/** What the routes that give events work with. */
export interface SubscriptionContext {
  readonly authenticator: Authenticator;
  /** `undefined` until the sources are attached and the journal is warm: requests are refused softly. */
  stream(): StreamContext | undefined;
  readonly limits: SubscriptionLimits;
  readonly openings: Openings;
  /** How often one principal may ask. */
  readonly rate: RateLimiter;
  /** Counts a refusal and draws its delay, in milliseconds. */
  refuse(reason: CloseReason): number;
}

/** What a request for events asks for, or why it gets none. */
export type SubscriptionRequest =
  | {
    readonly kind: "request";
    readonly stream: StreamContext;
    readonly principal: Principal;
    readonly subscription: Subscription;
    /** Text of the cursor, or a reserved word; `undefined` for none. */
    readonly cursor: string | undefined;
  }
  /** Refused for good. */
  | { readonly kind: "problem"; readonly response: Response }
  /** Time cures it: come back in `retryMs` milliseconds. `detail` says what the reason alone does not. */
  | { readonly kind: "refused"; readonly reason: CloseReason; readonly retryMs: number; readonly detail?: string };

/** What `overloaded` alone would not tell. */
const DETAILS = {
  crowd: "More requests for streams wait than the node may have open",
  keys: "The keys of the token's issuer cannot be read at present",
  warming: "The node is warming up: it reads what its sources hold before it serves",
} as const;

/** Reads who asks for which events from where on: the same for streams and polls. */
export async function readSubscriptionRequest(
  context: SubscriptionContext,
  { request, url }: RouteRequest,
  mediaType: string,
): Promise<SubscriptionRequest> {
  if (!acceptsType(request.headers.get("accept"), mediaType)) {
    return { kind: "problem", response: problem("not-acceptable", `This resource is ${mediaType}`) };
  }
  const refused = (reason: CloseReason) => ({ kind: "refused", reason, retryMs: context.refuse(reason) }) as const;
  if (context.openings.isFull) return { ...refused("overloaded"), detail: DETAILS.crowd };
  await context.openings.turn();
  const outcome = await context.authenticator.authenticate({ method: request.method, headers: request.headers, url });
  if (outcome.kind === "refused") {
    // What is ours to mend passes.
    const isOurs = ERROR_CODES[outcome.code].status >= 500;
    return isOurs
      ? { ...refused("overloaded"), detail: DETAILS.keys }
      : { kind: "problem", response: problem(outcome.code, outcome.detail) };
  }
  const { principal } = outcome;
  const parsed = parseSubscription(url.searchParams, principal.grants, context.limits);
  if (parsed.kind === "refused") return { kind: "problem", response: problem(parsed.code, parsed.detail) };
  const verdict = context.rate.take(principalKey(principal));
  if (verdict.kind === "limited") return refused("rate-limited");
  const stream = context.stream();
  if (stream === undefined) return { ...refused("overloaded"), detail: DETAILS.warming };
  const cursor = cursorOf(request.headers, url.searchParams);
  return { kind: "request", stream, principal, subscription: parsed.subscription, cursor };
}

/** The header wins: a browser sends it on a reconnect, while the URL stays what it was at first. An empty one is none. */
function cursorOf(headers: Headers, query: URLSearchParams): string | undefined {
  return headers.get("last-event-id") || query.get("last_event_id") || query.get("lastEventId") || undefined;
}

function acceptsType(accept: string | null, mediaType: string): boolean {
  if (accept === null) return true;
  const ranges = accept.split(/[\s,]+/).map((range) => range.split(";")[0]?.toLowerCase());
  return [mediaType, `${mediaType.split("/")[0]}/*`, "*/*"].some((range) => ranges.includes(range));
}
