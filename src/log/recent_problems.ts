import type { LogRecord } from "@logtape/logtape";

/** A line of the log that somebody should look at; plain JSON. */
export interface RecentProblem {
  /** RFC 3339. */
  readonly at: string;
  readonly level: "warning" | "error" | "fatal";
  readonly logger: string;
  readonly message: string;
}

/** Remembered lines, and the longest that is kept of one, in characters. */
const MAX_PROBLEMS = 100;
const MAX_MESSAGE_LENGTH = 1_000;

const problems: RecentProblem[] = [];

/** Remembers a record that is a warning or worse. The log is the process's own, and so is this list. */
export function noteProblem(record: LogRecord): void {
  const { level, category, message, timestamp } = record;
  if (level !== "warning" && level !== "error" && level !== "fatal") return;
  const text = message.map((part) => typeof part === "string" ? part : String(part)).join("");
  problems.unshift({
    at: new Date(timestamp).toISOString(),
    level,
    logger: category.join("."),
    message: text.slice(0, MAX_MESSAGE_LENGTH),
  });
  if (problems.length > MAX_PROBLEMS) problems.pop();
}

/** The last warnings and errors, the newest first. */
export function recentProblems(): readonly RecentProblem[] {
  return [...problems];
}
