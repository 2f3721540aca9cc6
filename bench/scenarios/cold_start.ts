import { join } from "node:path";
import { formatFigure } from "../format_figure.ts";
import { ownRow } from "../own_row.ts";
import { gatewayCommand, ROOT } from "../peers/tidegate_peer.ts";
import type { ReportRow, Scenario } from "../scenario.ts";
import { startTimeMs } from "../start_time.ts";

const TIMES = 7;
const MAX_MS = 1_000;

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
      for (let time = 0; time < TIMES; time++) times.push(await startTimeMs(command, "/livez"));
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

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
