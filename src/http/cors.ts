/** Which pages may read answers. */
export interface CorsPolicy {
  /** Exact origins; none allows no cross-origin access. `null` can never be one. */
  readonly origins: ReadonlySet<string>;
  /** Headers of the answer to a preflight. */
  readonly preflight: Readonly<Record<string, string>>;
}

/** Ten minutes: the longest that Chromium keeps a preflight's answer is two hours, ours may change sooner. */
const PREFLIGHT_MAX_AGE_SECONDS = 600;

/** The policy of `server.corsOrigins`. */
export function corsPolicy(origins: readonly string[]): CorsPolicy {
  return {
    origins: new Set(origins),
    preflight: {
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers":
        "authorization, cache-control, content-type, idempotency-key, last-event-id, prefer",
      "access-control-max-age": String(PREFLIGHT_MAX_AGE_SECONDS),
    },
  };
}

/** Lets a listed origin read the response, with its cookie; says nothing to any other. */
export function withCors(response: Response, request: Request, policy: CorsPolicy): Response {
  if (policy.origins.size === 0) return response;
  response.headers.append("vary", "Origin");
  const origin = request.headers.get("origin");
  if (origin === null || !policy.origins.has(origin)) return response;
  response.headers.set("access-control-allow-origin", origin);
  response.headers.set("access-control-allow-credentials", "true");
  response.headers.set("access-control-expose-headers", "retry-after, x-server-version, x-tidegate-refused");
  return response;
}
