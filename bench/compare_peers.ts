import type { TrafficJob, TrafficResult } from "./load_job.ts";
import type { Peer, RunningPeer } from "./peers/peer.ts";
import type { BenchOptions, ReportRow, Verdict } from "./scenario.ts";
import { runLoad } from "./run_load.ts";

/** A job, but for what the server under measurement fills in. */
export type SharedJob = Omit<TrafficJob, "kind" | "port" | "pids" | "publishing" | "connections"> & {
  readonly connections: readonly { readonly user: string; readonly scopes: readonly number[] }[];
  /** Changes how the server's publishers work. */
  readonly publishing?: (usual: TrafficJob["publishing"]) => TrafficJob["publishing"];
};

/** The results of each peer, round by round, in the order of the peers. */
export type PeerResults = readonly (readonly TrafficResult[])[];

/** Measures the same job on each peer in turns, each time on a fresh server. */
export async function comparePeers(
  peers: readonly Peer[],
  options: BenchOptions,
  job: SharedJob,
): Promise<PeerResults> {
  const results = peers.map((): TrafficResult[] => []);
  for (let round = 1; round <= options.rounds; round++) {
    for (const [index, peer] of peers.entries()) {
      await using running = await peer.start();
      const result = await runLoad(jobFor(running, job));
      results[index]?.push(result);
      options.say(`  round ${round} ${peer.name}: ${summaryOf(result)}`);
    }
  }
  return results;
}

function jobFor(peer: RunningPeer, { connections, publishing, ...job }: SharedJob): TrafficJob {
  return {
    ...job,
    kind: "traffic",
    port: peer.port,
    pids: peer.pids(),
    publishing: publishing?.(peer.publishing()) ?? peer.publishing(),
    connections: connections.map(({ user, scopes }) => ({
      request: peer.streamRequest(user, scopes.map((scope) => job.scopes[scope] ?? "")),
      scopes,
    })),
  };
}

function summaryOf(result: TrafficResult): string {
  const { deliveriesPerSecond, latency, serverCPUSeconds, clientCPUSeconds, otherCPUSeconds, measuredMs } = result;
  const share = (seconds: number) => `${Math.round(seconds * 100_000 / measuredMs)} %`;
  return `${deliveriesPerSecond.toLocaleString("en")}/s, ${
    cpuPerDeliveryMicroseconds(result).toFixed(2)
  } µs CPU each, ` +
    `p50 ${latency.p50Ms} ms, p99 ${latency.p99Ms} ms; CPU server ${share(serverCPUSeconds)}, ` +
    `client ${share(clientCPUSeconds)}, others ${share(otherCPUSeconds)}; peak ${Math.round(result.rss.peakMB)} MB` +
    (isFlawless(result) ? "" : `; FLAWED: ${flawsOf(result)}`);
}

export function cpuPerDeliveryMicroseconds(result: TrafficResult): number {
  return result.deliveries === 0 ? 0 : result.serverCPUSeconds * 1e6 / result.deliveries;
}

/** Nothing lost, nothing twice, every stream in order and open to the end. */
export function isFlawless(result: TrafficResult): boolean {
  return result.lost === 0 && result.duplicates === 0 && result.outOfOrder === 0 && result.failedConnections === 0;
}

export function flawsOf({ lost, duplicates, outOfOrder, failedConnections, problems }: TrafficResult): string {
  return `${lost} lost, ${duplicates} twice, ${outOfOrder} out of order, ${failedConnections} streams failed` +
    (problems.length === 0 ? "" : ` (${problems[0]})`);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** A figure of both, its ratio, and what was promised. */
export interface ComparedFigure {
  readonly what: string;
  readonly figure: (result: TrafficResult) => number;
  readonly format: (value: number) => string;
  /** The ratio Tidegate / peer that is promised; none for a figure that is only told. */
  readonly target?: { readonly least: number } | { readonly most: number };
}

/** One line of the table: means over the rounds, and each round's ratio in parentheses. */
export function comparedRow([ours = [], theirs = []]: PeerResults, figure: ComparedFigure): ReportRow {
  const values = [ours, theirs].map((results) => results.map(figure.figure));
  const [own = [], peer = []] = values;
  const ratio = mean(own) / mean(peer);
  const perRound = own.map((value, index) => formatRatio(value / (peer[index] ?? Number.NaN))).join(", ");
  return {
    what: figure.what,
    tidegate: figure.format(mean(own)),
    peer: figure.format(mean(peer)),
    ratio: own.length > 1 ? `${formatRatio(ratio)} (${perRound})` : formatRatio(ratio),
    target: targetText(figure.target),
    verdict: verdictOf(ratio, figure.target),
  };
}

/** Whether all rounds of a peer were without a flaw, as a line of the table. */
export function flawlessRow([ours = [], theirs = []]: PeerResults, what: string): ReportRow {
  const text = (results: readonly TrafficResult[]) => {
    const flawed = results.filter((result) => !isFlawless(result));
    return flawed.length === 0 ? "yes" : `no: ${flawed.map(flawsOf).join("; ")}`;
  };
  return {
    what,
    tidegate: text(ours),
    peer: text(theirs),
    ratio: "",
    target: "yes",
    verdict: ours.length > 0 && ours.every(isFlawless) ? "met" : "missed",
  };
}

function verdictOf(ratio: number, target: ComparedFigure["target"]): Verdict {
  if (target === undefined) return "–";
  return ("least" in target ? ratio >= target.least : ratio <= target.most) ? "met" : "missed";
}

function targetText(target: ComparedFigure["target"]): string {
  if (target === undefined) return "";
  return "least" in target ? `≥ ${target.least} ×` : `≤ ${target.most} ×`;
}

function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(1)} ×` : "–";
}
