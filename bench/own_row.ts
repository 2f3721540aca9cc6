import type { ReportRow } from "./scenario.ts";

/** A figure of ours that has no peer. */
export interface OwnFigure {
  readonly what: string;
  readonly tidegate: string;
  readonly target?: string;
  readonly isMet?: boolean;
}

/** One line of the table about Tidegate alone. */
export function ownRow({ what, tidegate, target = "", isMet }: OwnFigure): ReportRow {
  const verdict = isMet === undefined ? "–" : isMet ? "met" : "missed";
  return { what, tidegate, peer: "", ratio: "", target, verdict };
}
