import type { RunnableFault } from "./fault_table.ts";
import type { FaultServers } from "./fault_servers.ts";

export interface FaultReport {
  readonly isGreen: boolean;
  /** One line for a green row; what was wrong below it for another. */
  readonly text: string;
}

/** Runs a row and says what came of it. After one that is not green the next gets new servers. */
export async function reportFault(fault: RunnableFault, servers: FaultServers, seed: number): Promise<FaultReport> {
  const startMs = performance.now();
  const seconds = () => `${((performance.now() - startMs) / 1_000).toFixed(1)} s, seed ${seed}`;
  try {
    const { accepted, delivered, gaps, violations } = await fault.run(servers, seed);
    const line = `${fault.name}: ${accepted} accepted, ${delivered} delivered, ${gaps} gaps, ${seconds()}`;
    if (violations.length === 0) return { isGreen: true, text: `ok ${line}` };
    await servers.reset();
    return { isGreen: false, text: `FAILED ${line}\n  ${violations.join("\n  ")}` };
  } catch (error) {
    await servers.reset();
    const first = firstOf(error);
    const reason = first instanceof Error ? first.stack ?? first.message : String(first);
    return { isGreen: false, text: `FAILED ${fault.name}: ${seconds()}\n  ${reason}` };
  }
}

/** What was left broken may fail once more when it is cleared away: what went wrong first is what to look at. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error;
}
