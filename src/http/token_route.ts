import type { Authenticator } from "../access/authenticator.ts";
import { principalKey } from "../access/principal.ts";
import type { RateLimiter } from "../guard/rate_limiter.ts";
import type { StreamContext } from "../stream/open_stream.ts";
import { renewSubscription, type SubscriptionLimits } from "../stream/subscription.ts";
import { problem } from "./problem.ts";
import type { Route, RouteRequest } from "./router.ts";

/** What the renewal of a stream's token works with. */
export interface TokenRouteContext {
  readonly authenticator: Authenticator;
  /** `undefined` until streams can be open. */
  stream(): StreamContext | undefined;
  readonly limits: SubscriptionLimits;
  /** Shared with the opening of streams: a renewal counts as one. */
  readonly rate: RateLimiter;
  readonly onRenewed: () => void;
}

/** `POST /api/v1/events/connections/{id}/token`: the request's own credential takes the place of an open stream's. */
export function tokenRoute(context: TokenRouteContext): Route {
  return {
    path: "/api/v1/events/connections/{id}/token",
    methods: { POST: (request) => renew(context, request) },
  };
}

async function renew(context: TokenRouteContext, { request, url, parameters }: RouteRequest): Promise<Response> {
  const outcome = await context.authenticator.authenticate({ method: "POST", headers: request.headers, url });
  if (outcome.kind === "refused") return problem(outcome.code, outcome.detail);
  const { principal } = outcome;
  const verdict = context.rate.take(principalKey(principal));
  if (verdict.kind === "limited") {
    return problem("too-many-requests", "This principal opens and renews streams faster than streams.openRate allows", {
      "retry-after": String(Math.ceil(verdict.retryAfterMs / 1_000)),
    });
  }
  const manager = context.stream()?.manager;
  const connection = manager?.find(parameters["id"] ?? "", principal);
  // Nobody learns of a stream that is not theirs.
  if (manager === undefined || connection === undefined) {
    return problem("not-found", "This principal has no such open stream on this node");
  }
  const parsed = renewSubscription(connection.subscription, principal.grants, context.limits);
  if (parsed.kind === "refused") return problem(parsed.code, parsed.detail);
  manager.renew(connection, principal, parsed.subscription);
  context.onRenewed();
  return Response.json({
    expiresAt: new Date(principal.expiresAtMs).toISOString(),
    scopes: parsed.subscription.scopes,
  });
}
