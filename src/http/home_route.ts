import { SERVER_VERSION } from "../model/server_version.ts";
import type { Route } from "./router.ts";

/** `GET /`: what this is and where to go from here, as text for people and as JSON for programs. */
export function homeRoute(node: string, hint: () => string | undefined): Route {
  const routes = {
    stream: "GET /api/v1/events/stream?scope=user:42",
    poll: "GET /api/v1/events/poll?scope=user:42",
    publish: "POST /api/v1/events",
    ticket: "POST /api/v1/events/tickets",
    live: "GET /livez",
    ready: "GET /readyz",
  };
  const lines = Object.entries(routes).map(([name, route]) => `  ${name.padEnd(8)} ${route}`);
  const text = (command: string | undefined) =>
    [
      `Tidegate ${SERVER_VERSION}, node ${node}: events for browsers over Server-Sent Events.`,
      "",
      ...lines,
      ...(command === undefined ? [] : ["", "Watch a stream:", "", `  ${command}`]),
      "",
    ].join("\n");
  return {
    path: "/",
    methods: {
      GET: ({ request }) =>
        /\bapplication\/json\b/i.test(request.headers.get("accept") ?? "")
          ? Response.json({ name: "tidegate", version: SERVER_VERSION, node, routes })
          : new Response(text(hint()), { headers: { "content-type": "text/plain; charset=utf-8" } }),
    },
  };
}
