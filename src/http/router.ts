import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import { SERVER_VERSION } from "../model/server_version.ts";
import { type CorsPolicy, withCors } from "./cors.ts";
import { problem } from "./problem.ts";
import { NO_ROUTE, routeTable } from "./route_table.ts";

/** What a route is given. */
export interface RouteRequest {
  readonly request: Request;
  readonly url: URL;
  /** What stands in the path where the route has `{name}`, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** One path and what it answers, by method. `HEAD` is answered as `GET` unless it has a row of its own. */
export interface Route {
  /** A segment `{name}` stands for any one that is not empty. */
  readonly path: string;
  /** By method, in upper case. */
  readonly methods: Readonly<Record<string, (request: RouteRequest) => Promise<Response> | Response>>;
}

/** What every answer passes. */
export interface RouterOptions {
  readonly cors: CorsPolicy;
  /** Counts an answer; `route` is a path of the table, or `other`. */
  readonly onAnswer: (route: string, status: number) => void;
}

/** Headers of every answer; a route's own win. */
const SECURITY_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["cache-control", "no-store"],
  ["x-server-version", SERVER_VERSION],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"],
];

const log = getLogger(["tidegate", "http"]);

/** Answers requests from a table of routes. Never throws, never answers with internals. */
export function router(routes: readonly Route[], options: RouterOptions): (request: Request) => Promise<Response> {
  const find = routeTable(routes);
  return async (request) => {
    // `Host: a b` makes a URL that cannot be parsed.
    const url = URL.parse(request.url);
    const { route, parameters } = url === null ? NO_ROUTE : find(url.pathname);
    const response = url === null
      ? problem("invalid-request", "The URL or the Host header cannot be read")
      : await answer(route, { request, url, parameters }, options.cors);
    options.onAnswer(route?.path ?? "other", response.status);
    for (const [name, value] of SECURITY_HEADERS) if (!response.headers.has(name)) response.headers.set(name, value);
    return withCors(response, request, options.cors);
  };
}

async function answer(route: Route | undefined, request: RouteRequest, cors: CorsPolicy): Promise<Response> {
  if (route === undefined) return problem("not-found", `There is nothing at ${JSON.stringify(request.url.pathname)}`);
  const { method } = request.request;
  const allowed = allowedMethods(route);
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: allowed, ...cors.preflight } });
  const respond = route.methods[method] ?? (method === "HEAD" ? route.methods["GET"] : undefined);
  if (respond === undefined) {
    return problem("method-not-allowed", `${JSON.stringify(method)} is not one of ${allowed}`, { allow: allowed });
  }
  try {
    return await respond(request);
  } catch (error) {
    log.error("Cannot answer {method} {route}: {reason}", {
      method,
      route: route.path,
      reason: reasonOf(error),
      error,
    });
    return problem("internal", "Something of ours broke; the log says what");
  }
}

function allowedMethods(route: Route): string {
  const methods = Object.keys(route.methods);
  return [...methods, ...(methods.includes("GET") && !methods.includes("HEAD") ? ["HEAD"] : []), "OPTIONS"].join(", ");
}
