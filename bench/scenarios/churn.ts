import { formatFigure } from "../format_figure.ts";
import { leastSquaresSlope } from "../least_squares.ts";
import type { MemorySample } from "../load_job.ts";
import { ownRow } from "../own_row.ts";
import { startTidegate } from "../peers/tidegate_peer.ts";
import { runLoad } from "../run_load.ts";
import type { Scenario } from "../scenario.ts";

const OPEN_STREAMS = 500;
const OPENS_A_SECOND = 200;
const EVENTS_A_SECOND = 200;
const KEPT_EVENTS = 2_000;
/** The journal and the heap fill up first; what is measured is what comes after. */
const WARM_UP_SHARE = 0.3;
/** Of the memory that it has then, in an hour; a leak of a few hundred bytes a stream is more. */
const MAX_SLOPE_SHARE = 0.1;

/** Clients come and go; nothing of those who went may stay. */
export const churn: Scenario = {
  name: "churn",
  title: "Churn: 500 open streams, 200 closed and 200 opened a second, 200 events a second",
  run: async (options) => {
    // A journal and a log that are full soon: their growth would look like a leak.
    await using gateway = await startTidegate({
      sources: { events: { embedded: { retention: { maxRecords: KEPT_EVENTS } }, format: "tidegate" } },
      journal: { maxEvents: KEPT_EVENTS },
      replay: { maxEvents: KEPT_EVENTS },
    });
    const result = await runLoad({
      kind: "churn",
      port: gateway.port,
      pids: gateway.pids(),
      publishing: gateway.publishing(),
      scopes: ["global", ...Array.from({ length: OPEN_STREAMS }, (_, index) => `user:u${index}`)],
      requests: Array.from(
        { length: OPEN_STREAMS },
        (_, index) => gateway.streamRequest(`u${index}`, ["global", `user:u${index}`]),
      ),
      opensPerSecond: OPENS_A_SECOND,
      eventsPerSecond: EVENTS_A_SECOND,
      payloadBytes: 200,
      durationMs: options.churnMinutes * 60_000,
    });
    const settled = result.samples.slice(Math.floor(result.samples.length * WARM_UP_SHARE));
    const slopeMB = 60 * leastSquaresSlope(settled.map(({ minutes, rssMB }) => ({ x: minutes, y: rssMB })));
    const [first] = settled;
    const isFlat = first !== undefined && slopeMB <= first.rssMB * MAX_SLOPE_SHARE;
    options.say(
      `  ${result.opened} opened, ${result.failed} failed ${result.problems[0] ?? ""}, ${result.blocks} blocks read`,
    );
    return {
      rows: [
        ownRow({
          what: `memory in ${options.churnMinutes} minutes: slope after the first ${WARM_UP_SHARE * 100} %`,
          tidegate: `${slopeMB.toFixed(1)} MB an hour`,
          target: `flat: ≤ ${MAX_SLOPE_SHARE * 100} % an hour`,
          isMet: isFlat,
        }),
        ownRow({ what: "memory: at the start, then, at the end, most", tidegate: memoryText(result.samples, first) }),
        ownRow({
          what: "streams opened; failed",
          tidegate: `${formatFigure.count(result.opened)}; ${result.failed}`,
          target: "0 failed",
          isMet: result.failed === 0,
        }),
      ],
      raw: result,
    };
  },
};

function memoryText(samples: readonly MemorySample[], settled: MemorySample | undefined): string {
  const most = Math.max(...samples.map(({ rssMB }) => rssMB));
  return [samples[0]?.rssMB, settled?.rssMB, samples.at(-1)?.rssMB, most]
    .map((value) => formatFigure.megabytes(value ?? Number.NaN)).join(", ");
}
