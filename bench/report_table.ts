import type { ScenarioResult } from "./results_file.ts";

type Section = Omit<ScenarioResult, "raw">;

const HEAD: readonly string[] = ["", "Tidegate", "nchan", "Tidegate / nchan", "target", ""];

/**
 * Markdown: a heading and a table for each section, its columns padded, so that it can be read as it stands. The machine
 * is named once, and again where a section comes from another machine, day or commit.
 */
export function reportTable(sections: readonly Section[]): string {
  const machines = sections.map(({ machine }) => machine);
  return sections.map(({ title, machine, ...section }, index) =>
    `### ${title}\n\n${machine === machines[index - 1] ? "" : `${machine}\n\n`}${bodyOf(section)}\n`
  ).join("\n");
}

function bodyOf({ rows, failure }: Pick<Section, "rows" | "failure">): string {
  if (failure !== undefined) return `Failed: ${failure}`;
  const cells = [
    HEAD,
    ...rows.map(({ what, tidegate, peer, ratio, target, verdict }) => [
      what,
      tidegate,
      peer,
      ratio,
      target,
      verdict === "missed" ? "**missed**" : verdict,
    ]),
  ];
  const widths = HEAD.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = "", ...body] = cells.map(line);
  return [head, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body].join("\n");
}
