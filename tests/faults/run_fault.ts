import { checkHistory } from "../checker/check_history.ts";
import type { Truth } from "../checker/client_history.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";
import { type GatewayProcess, signToken, startGatewayProcess } from "../support/gateway_process.ts";
import { type FaultRun, flows, passes } from "./fault_run.ts";
import type { Fault } from "./fault.ts";
import type { FaultSource } from "./fault_source.ts";
import { Load, mappings, USERS } from "./load.ts";
import { StreamClient } from "./stream_client.ts";

/** Everybody must be at every log's end this long after the last fault was healed and the last event written. */
const SETTLE_MS = 20_000;
/** With heartbeats every second, what has not come after so long of nothing new does not come. */
const QUIET_MS = 5_000;
const SETTLE_POLL_MS = 250;
/** More than there are users: some have two tabs. */
const CLIENTS = 6;
/** Events that are written before the fault and again after it, at the least. */
const FLOW = 150;
/** Cursors, drawn from all that were told, from which the rest of the log is read once more. */
const PROBES = 6;
const MAX_SHOWN_VIOLATIONS = 10;

export interface FaultResult {
  readonly accepted: number;
  /** Events that all clients together were given. */
  readonly delivered: number;
  readonly gaps: number;
  /** What was wrong, in words. */
  readonly violations: readonly string[];
}

/** Runs one row: gateways, clients and writer first, then the fault under load, then the judge. */
export async function runFault<Source extends FaultSource>(
  fault: Fault<Source>,
  source: Source,
  seed: number,
): Promise<FaultResult> {
  await using stack = new AsyncDisposableStack();
  const random = new SeededRandom(seed);
  const load = new Load(source, random);
  const nodes = await startNodes(fault, source, random, stack);
  await source.attach?.(nodes);
  const urls = nodes.map(({ url }) => url);
  const clients: StreamClient[] = [];
  stack.defer(async () => void await Promise.all([load.stop(), ...clients.map((client) => client.stop())]));
  const join = async () => {
    const user = USERS[clients.length % USERS.length] ?? "";
    const client = new StreamClient({
      name: `client ${clients.length} (${user})`,
      scopes: [`user:${user}`, "global"],
      token: await signToken(user),
      excuses: fault.excuses ?? [],
      random,
      canary: load.canary,
      url: () => random.pick(urls),
    });
    clients.push(client);
    client.start();
  };
  const run: FaultRun<Source> = { source, nodes, clients, load, random, urls, join };
  for (let count = 0; count < CLIENTS; count++) await join();
  load.start();
  await flows(run, FLOW);
  // Until now nothing is gone: a gap that was told already is a violation, whatever the row deletes.
  await source.takeStock();
  await fault.inject(run);
  await flows(run, FLOW);
  await load.stop();
  const violations = await settle(run, fault, clients);
  violations.push(
    ...await probe(run, fault),
    ...judgeGaps(fault, clients),
    ...judgeStates(clients),
    ...judgeSecrets(run),
  );
  return {
    accepted: source.log.acceptedCount,
    delivered: clients.reduce((sum, { eventCount }) => sum + eventCount, 0),
    gaps: clients.reduce((sum, { gapCount }) => sum + gapCount, 0),
    violations: violations.slice(0, MAX_SHOWN_VIOLATIONS),
  };
}

async function startNodes<Source extends FaultSource>(
  fault: Fault<Source>,
  source: Source,
  random: SeededRandom,
  stack: AsyncDisposableStack,
): Promise<GatewayProcess[]> {
  const name = source.log.source;
  const config = {
    sources: { [name]: source.config },
    mappings: mappings(name),
    // Short ones send whoever comes back to the log itself.
    journal: { maxEvents: random.pick([30, 100_000]) },
    ...source.sections,
    ...fault.config,
    streams: { ...STREAMS, ...section(fault.config?.["streams"]) },
  };
  const { environment } = fault;
  return await Promise.all(Array.from({ length: fault.nodes ?? 1 }, async () => {
    const started = await startGatewayProcess({ config, ...(environment === undefined ? {} : { environment }) });
    return stack.use(started);
  }));
}

/** Quick heartbeats, and limits that these few users' many clients do not meet. */
const STREAMS = {
  heartbeat: "1s",
  maxPerPrincipal: 1_000,
  openRate: { perSecond: 1_000, burst: 10_000 },
  pollRate: { perSecond: 1_000, burst: 10_000 },
};

function section(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

/** Waits until nothing is wrong with any client's history, read to the end; gives what still is when the time is over. */
async function settle<Source extends FaultSource>(
  { source }: FaultRun<Source>,
  fault: Fault<Source>,
  clients: readonly StreamClient[],
): Promise<string[]> {
  for (const client of clients) client.cutShare = 0;
  const deadlineMs = performance.now() + SETTLE_MS;
  let blocks = 0;
  for (let quietMs = 0;; quietMs += SETTLE_POLL_MS) {
    await source.takeStock();
    const truth = { sources: [source.log], replayLimits: replayLimitsOf(fault) };
    const violations = clients.flatMap((client) => checkHistory(truth, client, true));
    if (violations.length === 0 || quietMs > QUIET_MS || performance.now() > deadlineMs) return violations;
    await passes(SETTLE_POLL_MS);
    const before = blocks;
    blocks = clients.reduce((sum, { streams }) => sum + streams.reduce((all, each) => all + each.blocks.length, 0), 0);
    if (blocks > before) quietMs = 0;
  }
}

/** What the row's configuration says, or the gateway's defaults. */
function replayLimitsOf({ config }: Fault<never>): Truth["replayLimits"] {
  const { maxEvents = 10_000 } = section(config?.["replay"]) as { readonly maxEvents?: number };
  return { maxEvents, maxScannedRecords: 100 * maxEvents };
}

/** Whoever comes back with any cursor that was ever told gets exactly what follows it. */
async function probe<Source extends FaultSource>(run: FaultRun<Source>, fault: Fault<Source>): Promise<string[]> {
  const { random, clients, load, urls } = run;
  const told = clients.flatMap((client) =>
    client.streams.flatMap(({ blocks }) => blocks).flatMap(({ id }) => id === undefined ? [] : [{ client, id }])
  );
  if (told.length === 0) return ["no client was told any cursor"];
  const probes = await Promise.all(Array.from({ length: PROBES }, async (_, index) => {
    const { client, id } = random.pick(told);
    const user = client.scopes[0]?.split(":")[1] ?? "";
    const name = `probe ${index} (${user}) from ${id}`;
    const { scopes } = client;
    const options = { name, scopes, token: await signToken(user), excuses: fault.excuses ?? [], random };
    const probe = new StreamClient({ ...options, canary: load.canary, url: () => random.pick(urls) }, id);
    probe.start();
    return probe;
  }));
  const violations = await settle(run, fault, probes);
  await Promise.all(probes.map((probe) => probe.stop()));
  return violations;
}

function judgeGaps(fault: Fault<never>, clients: readonly StreamClient[]): string[] {
  const isGap = ({ event }: { event: string | undefined }) => event === "stream.gap-detected";
  const gaps = clients.flatMap(({ name, streams }) =>
    streams.flatMap(({ blocks }) => blocks.filter(isGap)).map(({ data }) => `${name} was told of the gap ${data}`)
  );
  if (fault.gaps === "required" && gaps.length === 0) return ["no client was told of a gap"];
  return fault.gaps === "none" ? gaps : [];
}

/** A source's outage and its end are told once each. */
function judgeStates(clients: readonly StreamClient[]): string[] {
  return clients.flatMap(({ name, streams }) =>
    streams.flatMap(({ blocks }, number) => {
      const told = blocks.filter(({ event }) => event === "stream.source-changed").map(({ data }) => data);
      const isRepeated = told.some((data, index) => data === told[index - 1]);
      return isRepeated ? [`${name}, stream ${number}: a source's state was told twice: ${told.join(", ")}`] : [];
    })
  );
}

/** What no rule lists is in no byte that a client got and in no line of a log; nobody was refused. */
function judgeSecrets<Source extends FaultSource>({ clients, nodes, load }: FaultRun<Source>): string[] {
  return [
    ...clients.filter(({ hasLeaked }) => hasLeaked).map(({ name }) => `${name} got what no rule lists`),
    ...clients.flatMap(({ name, refusals }) => refusals.map((refusal) => `${name} was refused: ${refusal}`)),
    ...nodes.flatMap((node, index) =>
      node.log().includes(load.canary) ? [`the log of node ${index} has what no rule lists`] : []
    ),
    ...nodes.flatMap((node, index) =>
      /^error: Uncaught|panicked at/m.test(node.log()) ? [`node ${index} broke:\n${node.log().slice(-2_000)}`] : []
    ),
  ];
}
