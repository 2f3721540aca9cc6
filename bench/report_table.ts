import type { ReportRow } from "./scenario.ts";

/** What one scenario has brought, or why it has brought nothing. */
export interface ReportSection {
  readonly title: string;
  readonly rows: readonly ReportRow[];
  readonly failure?: string;
}

const HEAD: readonly string[] = ["", "Tidegate", "nchan", "Tidegate / nchan", "target", ""];

/** Markdown: a heading and a table for each section. Its columns are padded, so that it can be read as it stands. */
export function reportTable(sections: readonly ReportSection[]): string {
  return sections.map((section) => `### ${section.title}\n\n${bodyOf(section)}\n`).join("\n");
}

function bodyOf({ rows, failure }: ReportSection): string {
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
