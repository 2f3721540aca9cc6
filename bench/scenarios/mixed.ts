import { comparedRow, comparePeers, cpuPerDeliveryMicroseconds, flawlessRow } from "../compare_peers.ts";
import { formatFigure } from "../format_figure.ts";
import { nchanPeer } from "../peers/nchan_peer.ts";
import { tidegatePeer } from "../peers/tidegate_peer.ts";
import type { TrafficResult } from "../load_job.ts";
import type { Scenario } from "../scenario.ts";

const CONNECTIONS = 1_000;
const NOVELS = 100;
const GLOBAL = 0;
const FIRST_NOVEL = 1;
const FIRST_USER = FIRST_NOVEL + NOVELS;

/** As in real life: no two connections read the same scopes, and most events are for few of them. */
export const mixed: Scenario = {
  name: "mixed",
  title:
    "Mixed: 1,000 connections, each on global, a user scope of its own and 3 of 100 novels; 60 % user, 30 % novel, 10 % global events, publishers at most 200 events ahead",
  run: async (options) => {
    const results = await comparePeers([tidegatePeer(), nchanPeer(1), nchanPeer(2)], options, {
      scopes: [
        "global",
        ...Array.from({ length: NOVELS }, (_, index) => `novel:n${index}`),
        ...Array.from({ length: CONNECTIONS }, (_, index) => `user:u${index}`),
      ],
      connections: Array.from({ length: CONNECTIONS }, (_, index) => ({
        user: `u${index}`,
        // Strides that share no factor with 100: three different novels, each with about as many readers.
        scopes: [GLOBAL, FIRST_USER + index, ...[0, 37, 71].map((stride) => FIRST_NOVEL + (index + stride) % NOVELS)],
      })),
      traffic: [
        { weight: 60, scopes: numbers(FIRST_USER, CONNECTIONS) },
        { weight: 30, scopes: numbers(FIRST_NOVEL, NOVELS) },
        { weight: 10, scopes: [GLOBAL] },
      ],
      pace: { kind: "ahead", events: 200 },
      payloadBytes: 200,
      warmUpMs: 3_000,
      measureMs: options.seconds * 1_000,
      settleMs: 500,
    });
    const [ours = [], , twoWorkers = []] = results;
    const rate = { figure: (result: TrafficResult) => result.deliveriesPerSecond, format: formatFigure.perSecond };
    return {
      rows: [
        comparedRow(results, { what: "deliveries a second", ...rate, target: { least: 5 } }),
        comparedRow([ours, twoWorkers], { what: "the same beside nginx with 2 workers", ...rate }),
        comparedRow(results, {
          what: "CPU a delivery",
          figure: cpuPerDeliveryMicroseconds,
          format: formatFigure.microseconds,
        }),
        comparedRow(results, { what: "peak memory", figure: ({ rss }) => rss.peakMB, format: formatFigure.megabytes }),
        flawlessRow(results, "nothing lost or twice, each scope in order in every stream"),
        comparedRow(results, {
          what: "events that overtook one of another scope in a stream",
          figure: (result) => result.outOfOrderAcrossScopes,
          format: formatFigure.count,
        }),
      ].map((row) =>
        row.what.startsWith("events that overtook")
          ? {
            ...row,
            ratio: "",
            target: "0",
            verdict: ours.every((result) => result.outOfOrderAcrossScopes === 0) ? "met" : "missed",
          }
          : row
      ),
      raw: results,
    };
  },
};

function numbers(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
