import type { MappingRule } from "../config/mapping_rule_schema.ts";
import { asyncAPI } from "./description/asyncapi.ts";
import { openAPI } from "./description/openapi.ts";
import type { Route } from "./router.ts";

/** `/openapi.json` and `/asyncapi.json`: the protocol for programs, with the events of this configuration's rules. */
export function descriptionRoutes(rules: readonly MappingRule[]): readonly Route[] {
  return [document("/openapi.json", openAPI()), document("/asyncapi.json", asyncAPI(rules))];
}

function document(path: string, value: unknown): Route {
  const text = `${JSON.stringify(value)}\n`;
  return { path, methods: { GET: () => new Response(text, { headers: { "content-type": "application/json" } }) } };
}
