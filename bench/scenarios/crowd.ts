import { comparedRow, comparePeers, flawlessRow } from "../compare_peers.ts";
import { formatFigure } from "../format_figure.ts";
import type { TrafficResult } from "../load_job.ts";
import { nchanPeer } from "../peers/nchan_peer.ts";
import { tidegatePeer } from "../peers/tidegate_peer.ts";
import type { ReportRow, Scenario } from "../scenario.ts";

/** As many as fit below 10,000 together with what the servers open for themselves. */
const CONNECTIONS = 9_500;
const MAX_KB_A_CONNECTION = 65;
const SETTLE_MS = 5_000;

/** Nearly ten thousand readers of one scope, and one event for all of them a second. */
export const crowd: Scenario = {
  name: "crowd",
  title: "Crowd: 9,500 connections, one event a second to all of them",
  run: async (options) => {
    const results = await comparePeers([tidegatePeer(), nchanPeer(1), nchanPeer(2)], options, {
      scopes: ["global"],
      connections: Array.from({ length: CONNECTIONS }, (_, index) => ({ user: `u${index}`, scopes: [0] })),
      traffic: [{ weight: 1, scopes: [0] }],
      pace: { kind: "rate", eventsPerSecond: 1 },
      payloadBytes: 200,
      warmUpMs: 3_000,
      measureMs: Math.max(10, options.seconds) * 1_000,
      settleMs: SETTLE_MS,
    });
    const [ours = [], one = [], two = []] = results;
    const p99 = { figure: ({ latency }: TrafficResult) => latency.p99Ms, format: formatFigure.milliseconds };
    return {
      rows: [
        comparedRow([ours, one], { what: "one broadcast, publish to socket, p99", ...p99, target: { most: 1 } }),
        comparedRow([ours, two], { what: "the same beside nginx with 2 workers", ...p99 }),
        comparedRow([ours, one], {
          what: "one broadcast, publish to socket, p50",
          figure: ({ latency }) => latency.p50Ms,
          format: formatFigure.milliseconds,
        }),
        withMost(
          comparedRow([ours, one], {
            what: "memory a connection",
            figure: kilobytesAConnection,
            format: formatFigure.kilobytes,
          }),
          MAX_KB_A_CONNECTION,
          Math.max(...ours.map(kilobytesAConnection)),
        ),
        flawlessRow([ours, one], "no stream failed, nothing lost or twice"),
        comparedRow([ours, one], {
          what: "time to open all",
          figure: ({ connectMs }) => connectMs,
          format: formatFigure.milliseconds,
        }),
      ],
      raw: results,
    };
  },
};

function kilobytesAConnection({ rss }: TrafficResult): number {
  return (rss.connectedMB - rss.beforeMB) * 1_024 / CONNECTIONS;
}

/** A row whose target is a figure of ours, not a ratio. */
function withMost(row: ReportRow, most: number, worst: number): ReportRow {
  return { ...row, target: `≤ ${most} KB`, verdict: worst <= most ? "met" : "missed" };
}
