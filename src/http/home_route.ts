import { SERVER_VERSION } from "../model/server_version.ts";
import type { Route, RouteRequest } from "./router.ts";

/** What the home page tells of this node. */
export interface HomeContext {
  readonly node: string;
  /** In development mode: the command that shows a stream. */
  readonly hint: () => string | undefined;
  /** Whether the console is on this port. */
  readonly hasConsole: boolean;
}

/** `GET /`: what this is and where to go from here, as a page for browsers, text for terminals and JSON for programs. */
export function homeRoute(context: HomeContext): Route {
  return { path: "/", methods: { GET: (request) => home(context, request) } };
}

const ROUTES = {
  stream: "GET /api/v1/events/stream?scope=user:42",
  poll: "GET /api/v1/events/poll?scope=user:42",
  publish: "POST /api/v1/events",
  ticket: "POST /api/v1/events/tickets",
  client: "GET /client/core.js",
  api: "GET /openapi.json",
  live: "GET /livez",
  ready: "GET /readyz",
};

/** Our own text alone, and the node's name, which its schema holds to letters and digits: nothing is there to escape. */
const PAGE_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

function home({ node, hint, hasConsole }: HomeContext, { request }: RouteRequest): Response {
  const accept = request.headers.get("accept") ?? "";
  const routes = hasConsole ? { ...ROUTES, console: "GET /console" } : ROUTES;
  const title = `Tidegate ${SERVER_VERSION}, node ${node}: events for browsers over Server-Sent Events.`;
  if (/\bapplication\/json\b/i.test(accept)) {
    return Response.json({ name: "tidegate", version: SERVER_VERSION, node, routes });
  }
  if (/\btext\/html\b/i.test(accept)) {
    return new Response(pageOf(title, routes), {
      headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_POLICY },
    });
  }
  const command = hint();
  const lines = Object.entries(routes).map(([name, route]) => `  ${name.padEnd(8)} ${route}`);
  const text = [title, "", ...lines, ...(command === undefined ? [] : ["", "Watch a stream:", "", `  ${command}`]), ""];
  return new Response(text.join("\n"), { headers: { "content-type": "text/plain; charset=utf-8" } });
}

function pageOf(title: string, routes: Readonly<Record<string, string>>): string {
  const items = Object.entries(routes).map(([name, route]) => {
    const [method = "", path = ""] = route.split(" ");
    const isPage = method === "GET" && !path.startsWith("/api/");
    return `<li>${name}: ${isPage ? `<a href="${path}">${path}</a>` : `<code>${route}</code>`}</li>`;
  });
  const console = "console" in routes
    ? "<p>The console's link with its token stands in the terminal that started the gateway.</p>"
    : "";
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>Tidegate</title>` +
    `<h1>Tidegate</h1><p>${title}</p><ul>${items.join("")}</ul>${console}</html>\n`;
}
