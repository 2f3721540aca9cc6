import type { Audit } from "./run_audit.ts";
import type { ClientFindings } from "./delivery_ledger.ts";

/** What an audit can find wrong, as the table's columns and the JSON's members. */
export const FAULTS = ["lost", "announced", "duplicated", "reordered", "late", "unknown"] as const;

/** How often each fault was found, over all clients. */
export function faultCounts({ clients }: Audit): Readonly<Record<typeof FAULTS[number], number>> {
  const countOf = (fault: typeof FAULTS[number]) => clients.reduce((sum, client) => sum + client[fault].length, 0);
  return {
    lost: countOf("lost"),
    announced: countOf("announced"),
    duplicated: countOf("duplicated"),
    reordered: countOf("reordered"),
    late: countOf("late"),
    unknown: countOf("unknown"),
  };
}

/** Whether every event came to every client once, in order, in time. */
export function isAllWell(audit: Audit): boolean {
  return Object.values(faultCounts(audit)).every((count) => count === 0);
}

/** The table for a terminal: one row a client, then what was found. */
export function auditTable(audit: Audit, seed: number): string {
  const head = ["", "received", ...FAULTS, "repeated", "gaps", "p50 ms", "p99 ms", "max ms"];
  const rows = audit.clients.map((client) => [
    client.name,
    `${client.received}`,
    ...FAULTS.map((fault) => `${client[fault].length}`),
    `${client.repeated.length}`,
    `${client.gaps}`,
    ...[client.delayMs.p50, client.delayMs.p99, client.delayMs.max].map((ms) => ms === null ? "-" : `${ms}`),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)).join(
      "  ",
    );
  return [
    `${audit.accepted} events accepted in ${(audit.tookMs / 1_000).toFixed(1)} s, seed ${seed}. Streams that ended: ` +
    (audit.ends.size === 0 ? "none" : [...audit.ends].map(([why, count]) => `${count} ${why}`).join(", ")),
    "",
    line(head),
    ...rows.map(line),
    "",
    ...audit.clients.flatMap(examples),
    ...(audit.stoppedBy === undefined ? [] : [`Not all events were published: ${audit.stoppedBy}.`]),
    verdict(audit),
  ].join("\n");
}

/** The same for programs, on one line. */
export function auditJSON(audit: Audit, run: string, seed: number): string {
  const { published, accepted, tookMs, clients, ends, stoppedBy } = audit;
  return JSON.stringify({
    allWell: isAllWell(audit),
    run,
    seed,
    published,
    accepted,
    tookMs,
    ...faultCounts(audit),
    streamsEnded: Object.fromEntries(ends),
    stoppedBy: stoppedBy ?? null,
    clients,
  });
}

function verdict(audit: Audit): string {
  if (audit.accepted === 0) return "Nothing was accepted, so nothing was found out.";
  if (isAllWell(audit)) return "All well: every event came to every client once, in order, in time.";
  const found = Object.entries(faultCounts(audit)).filter(([, count]) => count > 0);
  return `Found: ${found.map(([fault, count]) => `${count} ${fault}`).join(", ")}.`;
}

/** Most numbers that are shown of one fault of one client. */
const MAX_EXAMPLES = 10;

function examples(client: ClientFindings): readonly string[] {
  return FAULTS.filter((fault) => client[fault].length > 0).map((fault) => {
    const numbers = client[fault];
    const more = numbers.length > MAX_EXAMPLES ? `, and ${numbers.length - MAX_EXAMPLES} more` : "";
    return `${client.name}, ${fault}: event ${numbers.slice(0, MAX_EXAMPLES).join(", ")}${more}`;
  });
}
