import { join } from "node:path";
import { formatFigure } from "../format_figure.ts";
import { ownRow } from "../own_row.ts";
import { gatewayCommand, ROOT } from "../peers/tidegate_peer.ts";
import { freePort } from "../../tests/support/free_port.ts";
import type { ReportRow, Scenario } from "../scenario.ts";

const TIMES = 7;
const MAX_MS = 1_000;
const TIMEOUT_MS = 20_000;
const POLL_MS = 2;

/** From nothing to a port that answers, as after a crash or on a laptop: no configuration, the log in memory. */
export const coldStart: Scenario = {
  name: "cold-start",
  title: "Cold start: from the process's start to an answer of /livez",
  run: async (options) => {
    const binary = join(ROOT, "dist", "tidegate");
    const commands = [
      { what: "dist/tidegate", command: [binary, "serve"], target: true },
      { what: "deno run main.ts", command: gatewayCommand(), target: false },
    ];
    const rows: ReportRow[] = [];
    const raw: Record<string, readonly number[]> = {};
    for (const { what, command, target } of commands) {
      if (command[0] === binary && !await exists(binary)) {
        options.say("  dist/tidegate is not there: run `deno task compile` first");
        continue;
      }
      const times: number[] = [];
      for (let time = 0; time < TIMES; time++) times.push(await startTimeMs(command));
      raw[what] = times;
      options.say(`  ${what}: ${times.map(Math.round).join(", ")} ms`);
      const sorted = times.toSorted((one, other) => one - other);
      const worstMs = sorted.at(-1) ?? Number.NaN;
      const medianMs = sorted[Math.floor(TIMES / 2)] ?? Number.NaN;
      rows.push(ownRow({
        what: `${what}: worst of ${TIMES}`,
        tidegate: `${formatFigure.milliseconds(worstMs)} (median ${formatFigure.milliseconds(medianMs)})`,
        ...(target ? { target: "< 1 s", isMet: worstMs < MAX_MS } : {}),
      }));
    }
    return { rows, raw };
  },
};

async function startTimeMs(command: readonly string[]): Promise<number> {
  const port = freePort();
  const startMs = performance.now();
  // Two milliseconds of it are setpriv's, so that the kernel ends it when the bench dies.
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", ...command, "--port", String(port), "--set", "server.adminPort=0"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    while (performance.now() - startMs < TIMEOUT_MS) {
      if (await answers(port)) return performance.now() - startMs;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`Cannot start ${command[0]}: no answer within ${TIMEOUT_MS} ms`);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/livez`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
