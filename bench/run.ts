/**
 * `deno task bench [scenario …] [--rounds=2] [--seconds=10] [--churn-minutes=3] [--write-docs]`: measures, prints a
 * table, and keeps all that was measured in dist/bench.json, from which `--write-docs` writes docs/benchmarks.md. A
 * scenario that fails does not stop the next ones.
 */
import { parseArgs } from "node:util";
import { installServers } from "../tests/support/install_servers.ts";
import { describeMachine } from "./describe_machine.ts";
import { reportTable } from "./report_table.ts";
import { readResults, type ScenarioResult, writeResult } from "./results_file.ts";
import type { BenchOptions, Scenario } from "./scenario.ts";
import { churn } from "./scenarios/churn.ts";
import { coldStart } from "./scenarios/cold_start.ts";
import { crowd } from "./scenarios/crowd.ts";
import { fanout, single } from "./scenarios/fanout.ts";
import { historyCost } from "./scenarios/history_cost.ts";
import { kafkaResume } from "./scenarios/kafka_resume.ts";
import { kafkaStream } from "./scenarios/kafka_stream.ts";
import { mixed } from "./scenarios/mixed.ts";
import { outboxBacklog } from "./scenarios/outbox_backlog.ts";
import { pipeline } from "./scenarios/pipeline.ts";
import { resume } from "./scenarios/resume.ts";
import { storm } from "./scenarios/storm.ts";
import { unicast } from "./scenarios/unicast.ts";
import { warmStart } from "./scenarios/warm_start.ts";
import { writeDocs } from "./write_docs.ts";

const SCENARIOS: readonly Scenario[] = [
  fanout,
  single,
  mixed,
  unicast,
  crowd,
  kafkaStream,
  resume,
  kafkaResume,
  storm,
  pipeline,
  historyCost,
  coldStart,
  warmStart,
  outboxBacklog,
  churn,
];

type ScenarioOutcome = Pick<ScenarioResult, "rows" | "raw" | "failure">;

const encoder = new TextEncoder();
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

Deno.exit(await bench());

async function bench(): Promise<number> {
  const unknown = positionals.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    say(`Cannot run ${JSON.stringify(unknown)}: there are ${SCENARIOS.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  const options: BenchOptions = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    churnMinutes: Number(values["churn-minutes"]),
    say,
  };
  if (![options.rounds, options.seconds, options.churnMinutes].every((value) => value > 0)) {
    say("Cannot run: --rounds, --seconds and --churn-minutes must be numbers above 0");
    return 2;
  }
  await installServers();
  const machine = await describeMachine();
  say(machine);
  const results: ScenarioResult[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    say(scenario.title);
    const result = { title: scenario.title, machine, ...await outcomeOf(scenario, options) };
    await writeResult(scenario.name, result);
    results.push(result);
  }
  await Deno.stdout.write(encoder.encode(`\n${reportTable(results)}`));
  if (values["write-docs"]) await writeDocs(inOrder(await readResults()));
  return results.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function outcomeOf(scenario: Scenario, options: BenchOptions): Promise<ScenarioOutcome> {
  try {
    return await scenario.run(options);
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    say(`  ${failure}`);
    return { rows: [], raw: null, failure };
  }
}

function inOrder(results: Readonly<Record<string, ScenarioResult>>): readonly ScenarioResult[] {
  return SCENARIOS.map(({ name }) => results[name]).filter((result) => result !== undefined);
}

function say(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${line}\n`));
}
