import { comparedRow, comparePeers, flawlessRow, type PeerResults, type SharedJob } from "../compare_peers.ts";
import { formatFigure } from "../format_figure.ts";
import { nchanPeer } from "../peers/nchan_peer.ts";
import { tidegatePeer } from "../peers/tidegate_peer.ts";
import type { ReportRow, Scenario } from "../scenario.ts";

const CONNECTIONS = 5_000;
const EVENTS_A_SECOND = 5_000;
const PUBLISHERS = 16;

/** Everybody for themselves: nothing can be shared, and a fixed rate shows what waiting there is. */
export const unicast: Scenario = {
  name: "unicast",
  title: "Unicast: 5,000 connections, each on a scope of its own, 5,000 events a second spread over them",
  run: async (options) => {
    const job = unicastJob(options.seconds);
    const gathered = await comparePeers([tidegatePeer(), nchanPeer(1)], options, job);
    options.say("  again with one request an event on both sides");
    const oneByOne = await comparePeers([tidegatePeer()], options, {
      ...job,
      publishing: (usual) => ({ ...usual, connections: PUBLISHERS, maxBatch: 1 }),
    });
    const [, peer = []] = gathered;
    return {
      rows: [
        ...rowsOf(gathered, "", { most: 1.5 }),
        ...rowsOf([oneByOne[0] ?? [], peer], ", one request an event", undefined),
      ],
      raw: { gathered, oneByOne },
    };
  },
};

function rowsOf(
  results: PeerResults,
  variant: string,
  target: { readonly most: number } | undefined,
): readonly ReportRow[] {
  return [
    comparedRow(results, {
      what: `publish to socket, p99${variant}`,
      figure: ({ latency }) => latency.p99Ms,
      format: formatFigure.milliseconds,
      ...(target === undefined ? {} : { target }),
    }),
    comparedRow(results, {
      what: `publish to socket, p50${variant}`,
      figure: ({ latency }) => latency.p50Ms,
      format: formatFigure.milliseconds,
    }),
    comparedRow(results, {
      what: `CPU of one core${variant}`,
      figure: ({ serverCPUSeconds, measuredMs }) => serverCPUSeconds * 100_000 / measuredMs,
      format: formatFigure.percent,
    }),
    comparedRow(results, {
      what: `fewest events of a connection${variant}`,
      figure: (result) => result.leastDeliveriesOfAConnection,
      format: formatFigure.count,
    }),
    flawlessRow(results, `nothing lost or twice, in order${variant}`),
  ];
}

function unicastJob(seconds: number): SharedJob {
  const all = Array.from({ length: CONNECTIONS }, (_, index) => index);
  return {
    scopes: all.map((index) => `user:u${index}`),
    connections: all.map((index) => ({ user: `u${index}`, scopes: [index] })),
    traffic: [{ weight: 1, scopes: all }],
    pace: { kind: "rate", eventsPerSecond: EVENTS_A_SECOND },
    payloadBytes: 200,
    warmUpMs: 3_000,
    measureMs: seconds * 1_000,
    settleMs: 1_000,
  };
}
