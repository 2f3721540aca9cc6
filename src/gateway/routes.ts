import type { Authenticator } from "../access/authenticator.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import { IdempotencyWindow } from "../guard/idempotency_window.ts";
import { RateLimiter } from "../guard/rate_limiter.ts";
import { clientRoutes } from "../http/client_routes.ts";
import { eventDescriptionRoute, routeDescriptionRoute } from "../http/description_routes.ts";
import { healthRoutes, type Readiness } from "../http/health_routes.ts";
import { homeRoute } from "../http/home_route.ts";
import { metricsRoute } from "../http/metrics_route.ts";
import { publishRoute } from "../http/publish_route.ts";
import { pollRoute } from "../http/poll_route.ts";
import type { Route } from "../http/router.ts";
import { streamRoute } from "../http/stream_route.ts";
import { ticketRoute } from "../http/ticket_route.ts";
import { tokenRoute } from "../http/token_route.ts";
import type { CloseReason } from "../model/close_reason.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import { createEventEncoder } from "../pipeline/event_encoder.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { Openings } from "../stream/openings.ts";
import type { Delivery } from "./delivery.ts";

/** What the routes answer from. */
export interface RoutesContext {
  readonly config: Config;
  readonly buses: ReadonlyMap<string, EventBus>;
  readonly pipeline: Pipeline;
  readonly delivery: Delivery;
  readonly metrics: GatewayMetrics;
  readonly authenticator: Authenticator;
  readonly readiness: () => Readiness;
  /** Those of /admin/v1; none where no admin token is configured. */
  readonly operatorRoutes: readonly Route[];
  readonly hint: () => string | undefined;
}

/** So many event IDs count as one idempotency key: what a key remembers of a large batch weighs. */
const IDS_A_KEY = 10;

/** The routes of the public port. */
export function publicRoutes(context: RoutesContext): readonly Route[] {
  const {
    config: { server, streams, publish, mappings, dev },
    buses,
    pipeline,
    delivery,
    metrics,
    authenticator,
    operatorRoutes,
  } = context;
  const openings = new Openings(streams.maxTotal);
  metrics.observe(
    "tidegate_streams_opening",
    "Requests for streams and polls that wait for their turn",
    () => openings.waiting,
  );
  const subscriptions = {
    authenticator,
    stream: () => delivery.streamContext,
    openings,
    limits: streams,
    refuse: (reason: CloseReason) => delivery.refuse(reason),
  };
  const openRate = rateOf(streams.openRate);
  return described(server.apiDescription, [
    homeRoute({ node: server.node, hint: context.hint, hasConsole: dev.enabled && operatorRoutes.length > 0 }),
    ...healthRoutes(context.readiness),
    streamRoute({ ...subscriptions, rate: openRate }),
    tokenRoute({ ...subscriptions, rate: openRate, onRenewed: () => metrics.tokensRenewed.inc() }),
    pollRoute({ ...subscriptions, rate: rateOf({ ...streams.openRate, ...streams.pollRate }) }),
    publishRoute({
      authenticator,
      bus: publish.source === undefined ? undefined : buses.get(publish.source),
      idempotency: new IdempotencyWindow({
        windowMs: publish.idempotencyWindowMs,
        maxKeys: publish.idempotencyMaxKeys,
        weigh: (ids) => Math.ceil(ids.length / IDS_A_KEY),
      }),
      maxRequestBytes: server.maxRequestBytes,
      rules: {
        maxBatch: publish.maxBatch,
        validate: publish.validate,
        encode: createEventEncoder(pipeline, publish.source ?? "", streams.maxFrameBytes),
      },
      rate: rateOf(publish.rate),
      onPublished: (count) => metrics.published.inc(count),
    }),
    ticketRoute(authenticator),
    ...clientRoutes(),
    ...(server.apiDescription ? [eventDescriptionRoute(mappings.rules)] : []),
    // On a laptop one port is enough; it listens on loopback alone.
    ...(dev.enabled ? operatorRoutes : []),
  ]);
}

function rateOf({ perSecond, burst, maxPrincipals }: Config["streams"]["openRate"]): RateLimiter {
  return new RateLimiter({ perSecond, burst, maxKeys: maxPrincipals });
}

/** The routes of the admin port. */
export function adminRoutes({ config, metrics, readiness, operatorRoutes }: RoutesContext): readonly Route[] {
  return described(config.server.apiDescription, [
    ...healthRoutes(readiness),
    ...(config.metrics.enabled ? [metricsRoute(metrics)] : []),
    ...operatorRoutes,
  ]);
}

/** The routes of a port, and what describes them, if they shall be. */
function described(isWanted: boolean, routes: readonly Route[]): readonly Route[] {
  return isWanted ? [...routes, routeDescriptionRoute(routes)] : routes;
}
