import { ansiColorFormatter, configure, jsonLinesFormatter, type LogLevel, type LogRecord } from "@logtape/logtape";
import { noteProblem } from "./recent_problems.ts";

/** Section `log` of the configuration. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "json" | "text";
}

/**
 * Sends everything under the category `tidegate` to standard error: JSON lines for machines, colours for a laptop.
 * Values are data: JSON escapes them, and the text form has its control characters taken out.
 */
export async function startLog(config: LogConfig): Promise<void> {
  const format = config.format === "json" ? jsonLinesFormatter : textFormatter;
  const encoder = new TextEncoder();
  await configure({
    sinks: { stderr: (record) => void Deno.stderr.writeSync(encoder.encode(format(record))), recent: noteProblem },
    loggers: [
      { category: "tidegate", lowestLevel: config.level, sinks: ["stderr", "recent"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
    reset: true,
  });
}

function textFormatter(record: LogRecord): string {
  return ansiColorFormatter({ ...record, message: record.message.map(withoutControls) });
}

function withoutControls(part: unknown): unknown {
  return typeof part === "string" ? part.replaceAll(/\p{Cc}/gu, "�") : part;
}
