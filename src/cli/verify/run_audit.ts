import { TransportError } from "../../client/transport.ts";
import { reasonOf } from "../../log/reason_of.ts";
import type { Scope } from "../../model/scope.ts";
import { pauseFor } from "../pause_for.ts";
import { problemText, type Remote } from "../remote.ts";
import { AuditClient } from "./audit_client.ts";
import type { AuditPublisher } from "./audit_publisher.ts";
import { auditRandom } from "./audit_random.ts";
import { type ClientFindings, DeliveryLedger } from "./delivery_ledger.ts";

/** What an audit does. Times are milliseconds. */
export interface AuditPlan {
  readonly run: string;
  readonly remote: Remote;
  readonly scope: Scope;
  readonly events: number;
  readonly ratePerSecond: number;
  readonly clients: number;
  /** Mean life of a stream; 0: none is cut. */
  readonly cutEveryMs: number;
  readonly seed: number;
  readonly lateAfterMs: number;
  /** Longest wait for anything: streams to open, an outage to end, the last events to come. */
  readonly waitMs: number;
}

/** How an audit ended. */
export type AuditOutcome =
  | { readonly kind: "audited"; readonly audit: Audit }
  /** Nothing could be found out. */
  | { readonly kind: "impossible"; readonly reason: string };

/** What an audit found. */
export interface Audit {
  readonly published: number;
  readonly accepted: number;
  readonly tookMs: number;
  readonly clients: readonly ClientFindings[];
  /** How often streams ended, by why, over all clients. */
  readonly ends: ReadonlyMap<string, number>;
  /** Why not all events were published; `undefined` when they were. */
  readonly stoppedBy: string | undefined;
}

/** Largest request: what a gateway takes by default. */
const MAX_BATCH = 500;
/** Between two publishes: fine enough for a steady rate, coarse enough for batches. */
const TICK_MS = 20;
const PROGRESS_EVERY_MS = 5_000;
/** Between two looks whether everything has come. */
const LOOK_EVERY_MS = 100;
/** After everything has come, for what comes twice. */
const QUIET_MS = 500;

/**
 * Publishes numbered events while clients cut their streams and come back, and holds what came against what was accepted.
 * `stop` ends the publishing; what is on its way is still awaited.
 */
export async function runAudit(
  plan: AuditPlan,
  publisher: AuditPublisher,
  onProgress: (text: string) => void,
  stop: AbortSignal,
): Promise<AuditOutcome> {
  const random = auditRandom(plan.seed);
  const names = Array.from({ length: plan.clients }, (_, index) => `client-${index + 1}`);
  const ledger = new DeliveryLedger(names, plan.lateAfterMs);
  const { remote: { url, headers }, scope, run, cutEveryMs } = plan;
  const clients = names.map((name) => {
    const ownRandom = auditRandom(Math.floor(random() * 2 ** 32));
    return new AuditClient({ name, url, headers, scope, run, ledger, random: ownRandom, cutEveryMs });
  });
  const over = new AbortController();
  const refused = new AbortController();
  const refuse = (error: unknown) => refused.abort(error);
  const following = clients.map((client) => client.follow(over.signal).catch(refuse));
  const halt = AbortSignal.any([stop, refused.signal]);
  const startMs = Date.now();
  const state: Publishing = { published: 0, stoppedBy: undefined };
  const report = () => onProgress(`${state.published} of ${plan.events} published; ${openingsText(clients)}`);
  const progress = setInterval(report, PROGRESS_EVERY_MS);
  try {
    const impossible = await prepared(plan, publisher, ledger, clients, state, halt);
    if (impossible !== undefined) return { kind: "impossible", reason: impossible };
    await publishAll(plan, publisher, ledger, state, halt);
    for (const client of clients) client.stopCutting();
    await settled(plan, ledger, refused.signal);
    if (refused.signal.aborted) state.stoppedBy ??= refusedStream(refused.signal.reason);
  } finally {
    clearInterval(progress);
    over.abort();
    await Promise.all(following);
  }
  return {
    kind: "audited",
    audit: {
      published: state.published,
      accepted: ledger.acceptedCount,
      tookMs: Date.now() - startMs,
      clients: ledger.findings(),
      ends: endsOf(clients),
      stoppedBy: state.stoppedBy ?? (stop.aborted ? "you stopped it" : undefined),
    },
  };
}

interface Publishing {
  published: number;
  stoppedBy: string | undefined;
}

/** Opens the streams and sends the first event through: a text says why nothing can be found out. */
async function prepared(
  plan: AuditPlan,
  publisher: AuditPublisher,
  ledger: DeliveryLedger,
  clients: readonly AuditClient[],
  state: Publishing,
  halt: AbortSignal,
): Promise<string | undefined> {
  const opened = Promise.all(clients.map((client) => client.opened)).then(() => "opened" as const, refusedStream);
  const within = new AbortController();
  const late = pauseFor(plan.waitMs, AbortSignal.any([halt, within.signal])).then(() => "late" as const);
  const outcome = await Promise.race([opened, late]);
  within.abort();
  if (outcome === "late") {
    return halt.aborted ? "it was stopped before the streams were open" : unopenedText(plan, clients);
  }
  if (outcome !== "opened") return outcome;
  if (!await publishBatch([1], plan, publisher, ledger, state, halt)) return state.stoppedBy ?? "it was stopped";
  const deadlineMs = Date.now() + plan.waitMs;
  while (!clients.some((client) => ledger.has(client.name, 1))) {
    if (halt.aborted) return "it was stopped before the first event arrived";
    if (Date.now() > deadlineMs) {
      return `the first event was accepted and reached no client within ${plan.waitMs} ms. Does the gateway read this ` +
        `source, with this configuration? tidegate explain says where it was withheld`;
    }
    await pauseFor(TICK_MS, halt);
  }
  return undefined;
}

async function publishAll(
  plan: AuditPlan,
  publisher: AuditPublisher,
  ledger: DeliveryLedger,
  state: Publishing,
  halt: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  while (state.published < plan.events && !halt.aborted) {
    const due = 1 + Math.floor((performance.now() - startMs) * plan.ratePerSecond / 1_000);
    const count = Math.min(due, plan.events) - state.published;
    if (count > 0) {
      const first = state.published + 1;
      const numbers = Array.from({ length: Math.min(count, MAX_BATCH) }, (_, index) => first + index);
      if (!await publishBatch(numbers, plan, publisher, ledger, state, halt)) return;
    }
    // One after the other: then the numbers' order is the log's.
    if (count < MAX_BATCH) await pauseFor(TICK_MS, halt);
  }
}

/** Publishes until there is a clear answer; false when there is none in time. */
async function publishBatch(
  numbers: readonly number[],
  { waitMs }: AuditPlan,
  publisher: AuditPublisher,
  ledger: DeliveryLedger,
  state: Publishing,
  halt: AbortSignal,
): Promise<boolean> {
  const deadlineMs = Date.now() + waitMs;
  for (;;) {
    for (const number of numbers) ledger.sent(number, Date.now());
    const answer = await publisher.publish(numbers);
    if (answer.kind === "accepted") {
      for (const [index, number] of numbers.entries()) ledger.accepted(number, answer.identities[index] ?? "");
      state.published += numbers.length;
      return true;
    }
    if (answer.kind === "refused" || Date.now() + answer.retryAfterMs > deadlineMs) {
      state.stoppedBy = `the events are not taken: ${answer.reason}`;
      return false;
    }
    await pauseFor(answer.retryAfterMs, halt);
    if (halt.aborted) return false;
  }
}

/** Waits until everything has come, and a little for what comes twice; at most as long as the plan says. */
async function settled({ waitMs }: AuditPlan, ledger: DeliveryLedger, signal: AbortSignal): Promise<void> {
  const deadlineMs = Date.now() + waitMs;
  while (!ledger.isComplete && Date.now() < deadlineMs && !signal.aborted) await pauseFor(LOOK_EVERY_MS, signal);
  await pauseFor(QUIET_MS, signal);
}

function refusedStream(error: unknown): string {
  if (!(error instanceof TransportError)) return `the streams failed: ${reasonOf(error)}`;
  const { status, message } = error;
  const hint = status === 403 ? ". auth.grants needs a template that yields the scope, such as user:{sub}" : "";
  return `the gateway refuses the streams: ${problemText(status, message.slice(message.indexOf("{")))}${hint}`;
}

function unopenedText({ waitMs }: AuditPlan, clients: readonly AuditClient[]): string {
  const ends = endsOf(clients);
  const trouble = clients.map((client) => client.trouble).find((text) => text !== undefined);
  const hint = ends.has("connection-limit") ? ". Take fewer --clients, or raise streams.maxPerPrincipal" : "";
  return `not every stream opened within ${waitMs} ms; ${trouble ?? openingsText(clients)}${hint}`;
}

function endsOf(clients: readonly AuditClient[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const client of clients) for (const [why, count] of client.ends) ends.set(why, (ends.get(why) ?? 0) + count);
  return ends;
}

function openingsText(clients: readonly AuditClient[]): string {
  const ends = [...endsOf(clients)].map(([why, count]) => `${count} ${why}`);
  return ends.length === 0 ? "no stream has ended" : `streams ended: ${ends.join(", ")}`;
}
