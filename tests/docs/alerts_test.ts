/** docs/examples/operations/alerts.yaml against the metrics that there are. */
import assert from "node:assert/strict";
import { parse } from "yaml";
import * as z from "zod";
import { projectFiles } from "../tidy/project_files.ts";

const RULES = z.object({
  groups: z.array(z.object({ rules: z.array(z.looseObject({ alert: z.string(), expr: z.string() })) })),
});
/** What prom-client brings by itself. */
const NOT_OURS = new Set(["nodejs_eventloop_lag_seconds"]);

Deno.test("every alert of the example asks for metrics that the gateway has", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/examples/operations/alerts.yaml", import.meta.url));
  const source = (await projectFiles("src/")).map((file) => file.text).join("\n");
  const rules = RULES.parse(parse(text)).groups.flatMap((group) => group.rules);
  assert(rules.length > 0);
  for (const { alert, expr } of rules) {
    const names = [...expr.matchAll(/(\w+)\{job="tidegate"/g)].map(([, name = ""]) => name);
    assert(names.length > 0, alert);
    for (const name of names) assert(NOT_OURS.has(name) || source.includes(`"${name}"`), `${alert}: no ${name}`);
  }
});
