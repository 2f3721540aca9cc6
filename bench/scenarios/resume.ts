import { mean } from "../compare_peers.ts";
import { formatFigure } from "../format_figure.ts";
import type { ResumeJob, ResumeResult } from "../load_job.ts";
import type { RunningPeer } from "../peers/peer.ts";
import { startTidegate } from "../peers/tidegate_peer.ts";
import { publishEvents } from "../publish_events.ts";
import { readCursor } from "../read_cursor.ts";
import { runLoad } from "../run_load.ts";
import { ownRow } from "../own_row.ts";
import type { ReportRow, Scenario } from "../scenario.ts";

const EVENTS = 1_000;
/** Of the journal's events, one in so many is in the scope that is resumed. */
const ONE_IN = 5;
const ALONE_TIMES = 20;
const HERD = 2_000;
const SCOPE = "novel:1";
const PAYLOAD_BYTES = 200;
const TIMEOUT_MS = 60_000;

/** Clients come back for 1,000 events that this node still remembers. */
export const resume: Scenario = {
  name: "resume",
  title: "Resume of 1,000 events from the journal, which holds 5,000",
  run: async (options) => {
    await using gateway = await startTidegate({});
    const cursor = await readCursor(gateway, "u0", [SCOPE]);
    await publishEvents(gateway, scopesOfMissedEvents(), PAYLOAD_BYTES);
    // The first is not counted: it finds code that has never run.
    const alone: ResumeResult[] = [];
    for (let time = 0; time <= ALONE_TIMES; time++) alone.push(await runLoad(resumeJob(gateway, cursor, 1)));
    const herd = await runLoad(resumeJob(gateway, cursor, HERD));
    options.say(`  alone ${JSON.stringify(alone.at(-1))}`);
    options.say(`  herd ${JSON.stringify(herd)}`);
    return { rows: [...aloneRows(alone.slice(1)), ...herdRows(herd)], raw: { alone, herd } };
  },
};

/** What was missed: every fifth event in the scope that is resumed, the others in scopes of other people. */
export function scopesOfMissedEvents(): readonly string[] {
  return Array.from({ length: EVENTS * ONE_IN }, (_, index) => index % ONE_IN === 0 ? SCOPE : `novel:other-${index}`);
}

/** Clients that come back all at once, each with a token of its own. */
export function resumeJob(gateway: RunningPeer, cursor: string, clients: number): ResumeJob {
  return {
    kind: "resume",
    port: gateway.port,
    pids: gateway.pids(),
    requests: Array.from(
      { length: clients },
      (_, index) =>
        gateway.streamRequest(`u${index}`, [SCOPE]).replace("\r\n\r\n", `\r\nLast-Event-ID: ${cursor}\r\n\r\n`),
    ),
    eventsEach: EVENTS,
    payloadBytes: PAYLOAD_BYTES,
    timeoutMs: TIMEOUT_MS,
  };
}

function aloneRows(results: readonly ResumeResult[]): readonly ReportRow[] {
  const firstMs = results.map(({ first }) => first.maxMs).toSorted((one, other) => one - other);
  const worstMs = firstMs.at(-1) ?? Number.NaN;
  const medianMs = firstMs[Math.floor(firstMs.length / 2)] ?? Number.NaN;
  return [
    ownRow({
      what: "one client: request to first event, worst of 20",
      tidegate: `${formatFigure.milliseconds(worstMs)} (median ${formatFigure.milliseconds(medianMs)})`,
      target: "≤ 20 ms",
      isMet: worstMs <= 20,
    }),
    ownRow({
      what: "one client: request to last event, mean",
      tidegate: formatFigure.milliseconds(mean(results.map(({ last }) => last.maxMs))),
    }),
  ];
}

/** The lines of a herd; `where` tells what it was served from. */
export function herdRows(herd: ResumeResult): readonly ReportRow[] {
  const isFlawless = herd.missing === 0 && herd.failedStreams === 0 && herd.streamsOutOfOrder === 0 &&
    herd.controlEvents["stream.gap-detected"] === undefined;
  return [
    ownRow({
      what: "2,000 clients at once: request to first event, p50 / p99",
      tidegate: `${formatFigure.milliseconds(herd.first.p50Ms)} / ${formatFigure.milliseconds(herd.first.p99Ms)}`,
    }),
    ownRow({
      what: "2,000 clients at once: until all have their 1,000 events",
      tidegate: `${formatFigure.milliseconds(herd.allMs)} (CPU ${herd.serverCPUSeconds.toFixed(1)} s, peak ${
        formatFigure.megabytes(herd.peakMB)
      })`,
    }),
    ownRow({
      what: "2,000 clients at once: no event missing, in order, no gap",
      tidegate: isFlawless
        ? "yes"
        : `no: ${herd.missing} missing, ${herd.failedStreams} streams failed, ${herd.streamsOutOfOrder} out of order`,
      target: "yes",
      isMet: isFlawless,
    }),
  ];
}
