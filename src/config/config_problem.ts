import type { SettingOrigin } from "./setting_tree.ts";

/** One thing that is wrong, or worth a warning, in what was configured. Never holds a secret's value. */
export interface ConfigProblem {
  readonly severity: "error" | "warning";
  readonly origin: SettingOrigin;
  /** The setting, `sources.tasks.kafka.brokers[0]`; empty when it is about the whole file. */
  readonly path: string;
  /** Completes a sentence that begins with the path: what is wrong, and what is allowed. */
  readonly message: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

/** One line: where, what, allowed, meant. `tidegate.yaml:3:14: streams.heartbeat must be …; it is 15` */
export function formatProblem(problem: ConfigProblem): string {
  const { path, message, suggestion } = problem;
  const where = formatOrigin(problem.origin);
  const warning = problem.severity === "warning" ? "warning: " : "";
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  return `${where}: ${warning}${path === "" ? "" : `${path} `}${message}${hint}`.replace(INVISIBLE, escaped);
}

/** What a file says may not break the line, nor colour or reorder a terminal. */
const INVISIBLE = /[\p{C}\u2028\u2029]/gu;

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** `tidegate.yaml:3:14`, `TIDEGATE_LOG_LEVEL`, `--port`, or `default`. */
export function formatOrigin(origin: SettingOrigin): string {
  switch (origin.kind) {
    case "default":
      return "default";
    case "file":
      return origin.line === 0 ? origin.file : `${origin.file}:${origin.line}:${origin.column}`;
    case "env":
      return origin.variable;
    case "flag":
      return origin.flag;
  }
}
