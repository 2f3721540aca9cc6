import type { SeededRandom } from "../simulation/seeded_random.ts";
import type { GatewayProcess } from "../support/gateway_process.ts";
import type { TestServer } from "../support/server_process.ts";
import type { FaultSource } from "./fault_source.ts";
import { keyOf, type Load } from "./load.ts";
import { isEvent, type StreamClient } from "./stream_client.ts";

const POLL_MS = 50;
/** A broker that was killed takes some seconds to come back, on a busy machine many. */
const FLOW_TIMEOUT_MS = 60_000;

/** What a row works with: everything runs already. */
export interface FaultRun<Source extends FaultSource> {
  readonly source: Source;
  readonly nodes: readonly GatewayProcess[];
  /** Those that join in the course of the row too. */
  readonly clients: StreamClient[];
  readonly load: Load;
  readonly random: SeededRandom;
  /** Each client comes through a server of this list, drawn anew each time. Change it to move them. */
  readonly urls: string[];
  /** A further client of some user, which comes at once and is judged as the others. */
  join(): Promise<void>;
}

/**
 * Resolves when every client has received something that was sent after this moment: all the way through, everything works.
 *
 * @param count how many records go first, at the least
 */
export async function flows(run: FaultRun<FaultSource>, count = 0): Promise<void> {
  const mark = run.load.sentCount + count;
  const isPast = (client: StreamClient) => newestNumber(client) >= mark;
  await until("every client has news", () => run.clients.every(isPast), FLOW_TIMEOUT_MS);
}

/** All clients are gone while something happens, and come back with their cursors. */
export async function whileAway(run: FaultRun<FaultSource>, happens: () => Promise<void>): Promise<void> {
  await Promise.all(run.clients.map((client) => client.stop()));
  await happens();
  for (const client of run.clients) client.start();
}

/** A server stands still (SIGSTOP) while something happens. */
export async function whilePaused(server: TestServer, happens: () => Promise<void>): Promise<void> {
  server.pause();
  try {
    await happens();
  } finally {
    server.resume();
  }
}

/** The gateway of a row that runs one. */
export function onlyNode({ nodes }: FaultRun<FaultSource>): GatewayProcess {
  const [node] = nodes;
  if (node === undefined) throw new Error("Cannot break a gateway: there is none");
  return node;
}

/** Resolves when it is true; rejects after a time. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs = FLOW_TIMEOUT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!await isTrue()) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}`);
    await passes(POLL_MS);
  }
}

/** So long does a fault last. */
export function passes(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function newestNumber({ streams }: StreamClient): number {
  for (const { blocks } of streams.toReversed()) {
    const newest = blocks.findLast(isEvent);
    if (newest !== undefined) return Number(keyOf(newest.data ?? "").split("/").at(-1));
  }
  return -1;
}
