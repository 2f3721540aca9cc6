import { join } from "node:path";
import { ROOT } from "./peers/tidegate_peer.ts";
import { reportTable } from "./report_table.ts";
import type { ScenarioResult } from "./results_file.ts";

const BEGIN = "<!-- measured: written by `deno task bench --write-docs` -->";
const END = "<!-- end of measured -->";

/** Puts the measured tables in their place in docs/benchmarks.md; the words around them stay. */
export async function writeDocs(sections: readonly ScenarioResult[]): Promise<void> {
  const path = join(ROOT, "docs", "benchmarks.md");
  const text = await Deno.readTextFile(path);
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`Cannot write the tables to ${path}: the lines ${BEGIN} and ${END} are not there`);
  }
  await Deno.writeTextFile(path, `${before}${BEGIN}\n\n${reportTable(sections)}\n${END}${after}`);
  // Titles and machines are longer than a line.
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", path] }).output();
}
