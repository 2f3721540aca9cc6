import { join } from "node:path";
import { ownRow } from "../own_row.ts";
import { ROOT } from "../peers/tidegate_peer.ts";
import type { Scenario } from "../scenario.ts";

const MAX_RATIO = 1.5;
const TIMEOUT_MS = 180_000;

/** What mapping costs beside reading, on the records of docs/examples. */
export const pipeline: Scenario = {
  name: "pipeline",
  title: "Pipeline: the example mapping beside JSON.parse of the same record",
  run: async (options) => {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(ROOT, "bench", "pipeline_bench.ts")],
      stdin: "null",
      stderr: "inherit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    if (!success) throw new Error("Cannot run the pipeline's benchmark");
    // The last line of pipeline_bench.ts.
    const figures = JSON.parse(new TextDecoder().decode(stdout)) as PipelineFigures;
    options.say(`  ${JSON.stringify(figures)}`);
    return {
      rows: [
        ownRow({
          what: "mapping a record, on top of decoding and JSON.parse, in times of JSON.parse",
          tidegate: `${figures.mappingRatio} ×`,
          target: `< ${MAX_RATIO} ×`,
          isMet: figures.mappingRatio < MAX_RATIO,
        }),
        ownRow({ what: "decoding, JSON.parse and mapping together", tidegate: `${figures.totalRatio} ×` }),
        ownRow({ what: "records a second", tidegate: figures.recordsPerSecond.toLocaleString("en") }),
      ],
      raw: figures,
    };
  },
};

interface PipelineFigures {
  readonly mappingRatio: number;
  readonly totalRatio: number;
  readonly recordsPerSecond: number;
}
