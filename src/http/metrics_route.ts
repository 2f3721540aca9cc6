import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import type { Route } from "./router.ts";

/** `GET /metrics`, on the admin port: Prometheus text. */
export function metricsRoute(metrics: GatewayMetrics): Route {
  return {
    path: "/metrics",
    methods: {
      GET: async () => {
        const { body, contentType } = await metrics.text();
        return new Response(body, { headers: { "content-type": contentType } });
      },
    },
  };
}
