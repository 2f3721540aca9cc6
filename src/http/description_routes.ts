import type { MappingRule } from "../config/mapping_rule_schema.ts";
import { asyncAPI } from "./description/asyncapi.ts";
import { openAPI } from "./description/openapi.ts";
import type { Route } from "./router.ts";

/** `/asyncapi.json`: the events of a stream for programs, with those of this configuration's rules. */
export function eventDescriptionRoute(rules: readonly MappingRule[]): Route {
  return document("/asyncapi.json", asyncAPI(rules));
}

/** `/openapi.json`: these routes of a port for programs, and itself. */
export function routeDescriptionRoute(routes: readonly Route[]): Route {
  const path = "/openapi.json";
  return document(path, openAPI([...routes.map((route) => route.path), path]));
}

function document(path: string, value: unknown): Route {
  const text = `${JSON.stringify(value)}\n`;
  return { path, methods: { GET: () => new Response(text, { headers: { "content-type": "application/json" } }) } };
}
