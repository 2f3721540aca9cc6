import type { Authenticator } from "../access/authenticator.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { Config } from "../config/schema.ts";
import { IdempotencyWindow } from "../guard/idempotency_window.ts";
import { RateLimiter } from "../guard/rate_limiter.ts";
import { healthRoutes, type Readiness } from "../http/health_routes.ts";
import { homeRoute } from "../http/home_route.ts";
import { metricsRoute } from "../http/metrics_route.ts";
import { publishRoute } from "../http/publish_route.ts";
import type { Route } from "../http/router.ts";
import { streamRoute } from "../http/stream_route.ts";
import { ticketRoute } from "../http/ticket_route.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import type { Delivery } from "./delivery.ts";

/** What the routes answer from. */
export interface RoutesContext {
  readonly config: Config;
  readonly buses: ReadonlyMap<string, EventBus>;
  readonly delivery: Delivery;
  readonly metrics: GatewayMetrics;
  readonly authenticator: Authenticator;
  readonly readiness: () => Readiness;
  readonly hint: () => string | undefined;
}

/** So many event IDs count as one idempotency key: what a key remembers of a large batch weighs. */
const IDS_A_KEY = 10;

/** The routes of the public port. */
export function publicRoutes(context: RoutesContext): readonly Route[] {
  const { config: { server, streams, publish }, buses, delivery, metrics, authenticator } = context;
  return [
    homeRoute(server.node, context.hint),
    ...healthRoutes(context.readiness),
    streamRoute({
      authenticator,
      stream: () => delivery.streamContext,
      limits: streams,
      openRate: new RateLimiter({ ...streams.openRate, maxKeys: streams.openRate.maxPrincipals }),
      refuse: (reason) => delivery.refuse(reason),
    }),
    publishRoute({
      authenticator,
      bus: publish.source === undefined ? undefined : buses.get(publish.source),
      idempotency: new IdempotencyWindow({
        windowMs: publish.idempotencyWindowMs,
        maxKeys: publish.idempotencyMaxKeys,
        weigh: (ids) => Math.ceil(ids.length / IDS_A_KEY),
      }),
      maxRequestBytes: server.maxRequestBytes,
      maxBatch: publish.maxBatch,
      rate: new RateLimiter({ ...publish.rate, maxKeys: publish.rate.maxPrincipals }),
      onPublished: (count) => metrics.published.inc(count),
    }),
    ticketRoute(authenticator),
  ];
}

/** The routes of the admin port. */
export function adminRoutes({ config, metrics, readiness }: RoutesContext): readonly Route[] {
  return [...healthRoutes(readiness), ...(config.metrics.enabled ? [metricsRoute(metrics)] : [])];
}
