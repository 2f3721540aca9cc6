import {
  comparedRow,
  comparePeers,
  cpuPerDeliveryMicroseconds,
  flawlessRow,
  type SharedJob,
} from "../compare_peers.ts";
import { formatFigure } from "../format_figure.ts";
import { nchanPeer } from "../peers/nchan_peer.ts";
import { tidegatePeer } from "../peers/tidegate_peer.ts";
import type { TrafficResult } from "../load_job.ts";
import type { Scenario } from "../scenario.ts";

const CONNECTIONS = 1_000;

/** Everybody reads the same scope, and the publisher is as fast as delivery lets it be. */
export const fanout: Scenario = {
  name: "fanout",
  title: "Fan-out: 1,000 connections on one scope, 200-byte payloads, publishers at most 200 events ahead",
  run: async (options) => {
    const peers = [tidegatePeer(), nchanPeer(1), nchanPeer(2)];
    const results = await comparePeers(peers, options, oneScopeJob(200, options.seconds));
    const [ours = [], , twoWorkers = []] = results;
    const rate = { figure: (result: TrafficResult) => result.deliveriesPerSecond, format: formatFigure.perSecond };
    return {
      rows: [
        comparedRow(results, { what: "deliveries a second", ...rate, target: { least: 15 } }),
        comparedRow([ours, twoWorkers], { what: "the same beside nginx with 2 workers", ...rate }),
        comparedRow(results, {
          what: "CPU a delivery",
          figure: cpuPerDeliveryMicroseconds,
          format: formatFigure.microseconds,
        }),
        comparedRow(results, { what: "peak memory", figure: ({ rss }) => rss.peakMB, format: formatFigure.megabytes }),
        flawlessRow(results, "nothing lost, nothing twice"),
      ],
      raw: results,
    };
  },
};

/** The next event only when everybody has the last one: nothing can be gathered, every delivery is a write of its own. */
export const single: Scenario = {
  name: "single",
  title: "One publish at a time: 1,000 connections on one scope",
  run: async (options) => {
    const results = await comparePeers([tidegatePeer(), nchanPeer(1)], options, oneScopeJob(1, options.seconds));
    return {
      rows: [
        comparedRow(results, {
          what: "CPU a delivery",
          figure: cpuPerDeliveryMicroseconds,
          format: formatFigure.microseconds,
          target: { most: 1 },
        }),
        comparedRow(results, {
          what: "publish to socket, p50",
          figure: ({ latency }) => latency.p50Ms,
          format: formatFigure.milliseconds,
        }),
        comparedRow(results, {
          what: "publish to socket, p99",
          figure: ({ latency }) => latency.p99Ms,
          format: formatFigure.milliseconds,
        }),
      ],
      raw: results,
    };
  },
};

function oneScopeJob(ahead: number, seconds: number): SharedJob {
  return {
    scopes: ["novel:1"],
    connections: Array.from({ length: CONNECTIONS }, (_, index) => ({ user: `u${index}`, scopes: [0] })),
    traffic: [{ weight: 1, scopes: [0] }],
    pace: { kind: "ahead", events: ahead },
    // nchan does better when several publishers press it at once; then nobody can say which event should come first.
    publishing: (usual) => usual.connections === 1 ? usual : { ...usual, turns: "event" },
    payloadBytes: 200,
    warmUpMs: 3_000,
    measureMs: seconds * 1_000,
    settleMs: 500,
  };
}
