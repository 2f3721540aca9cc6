import { join } from "node:path";
import { ROOT } from "./peers/tidegate_peer.ts";
import type { ReportRow } from "./scenario.ts";

/** What one run of a scenario has brought. */
export interface ScenarioResult {
  readonly title: string;
  /** Machine, programs, date and commit. */
  readonly machine: string;
  readonly rows: readonly ReportRow[];
  /** Why there are no rows. */
  readonly failure?: string;
  /** Everything that was measured. */
  readonly raw: unknown;
}

const PATH = join(ROOT, "dist", "bench.json");

/** The last result of every scenario that was ever run here, by its name. */
export async function readResults(): Promise<Readonly<Record<string, ScenarioResult>>> {
  try {
    // Written below, by nobody else.
    return JSON.parse(await Deno.readTextFile(PATH)) as Record<string, ScenarioResult>;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

export async function writeResult(name: string, result: ScenarioResult): Promise<void> {
  await Deno.mkdir(join(ROOT, "dist"), { recursive: true });
  await Deno.writeTextFile(PATH, JSON.stringify({ ...await readResults(), [name]: result }, null, 2));
}
