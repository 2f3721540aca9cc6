/**
 * `deno task bench [scenario …] [--rounds=2] [--seconds=10] [--churn-minutes=3] [--write-docs]`: measures, prints a
 * table, and writes everything to `dist/bench.json`.
 */
import { parseArgs } from "node:util";
import { installServers } from "../tests/support/install_servers.ts";
import type { BenchOptions, Scenario } from "./scenario.ts";
import { fanout, single } from "./scenarios/fanout.ts";
import { mixed } from "./scenarios/mixed.ts";
import { unicast } from "./scenarios/unicast.ts";
import { crowd } from "./scenarios/crowd.ts";

const SCENARIOS: readonly Scenario[] = [fanout, single, mixed, unicast, crowd];

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "2" },
    seconds: { type: "string", default: "10" },
    "churn-minutes": { type: "string", default: "3" },
    "write-docs": { type: "boolean", default: false },
  },
});
const options: BenchOptions = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  churnMinutes: Number(values["churn-minutes"]),
  say: (line) => console.error(line),
};
await installServers();
for (const scenario of SCENARIOS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  options.say(scenario.title);
  const report = await scenario.run(options);
  for (const row of report.rows) {
    console.log(row.what, "|", row.tidegate, "|", row.peer, "|", row.ratio, "|", row.target, row.verdict);
  }
}
