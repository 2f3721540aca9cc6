import type { Config } from "../config/schema.ts";
import { stringifyExact } from "../pipeline/exact_json.ts";
import type { MappingOutcome } from "../pipeline/mapping_outcome.ts";
import { createPipeline, type Pipeline } from "../pipeline/pipeline.ts";
import { readRecordLine, type RecordLine } from "../pipeline/record_line.ts";
import { trimmedOfRecord } from "../pipeline/trimmed_fields.ts";
import { type Command, EXIT_CODES, type FlagValues, runCommand, usageProblem } from "./command.ts";
import { CONFIG_FLAGS, loadFromFlags, printProblems } from "./config_flags.ts";
import { mappingDocument } from "./mapping_document.ts";
import { print, printProblem } from "./print.ts";
import { printable } from "./printable.ts";

/** `tidegate map`: shows what the configuration makes of records, offline; resolves with the exit code. */
export async function map(args: readonly string[]): Promise<number> {
  return await runCommand(MAP, args);
}

const FLAGS = {
  file: { value: "FILE", help: "The records, one JSON line each; - reads standard input." },
  source: { value: "NAME", help: "Every line is the bare value of a record of this source." },
  config: CONFIG_FLAGS.config,
  set: CONFIG_FLAGS.set,
  json: { help: "Print JSON lines: one a record, the summary last." },
  document: { help: "Print the mapping itself as a Markdown page; the records show what stays behind." },
} as const;

const MAP: Command<typeof FLAGS> = {
  name: "map",
  usage: ["map --file FILE [--source NAME] [flags]"],
  about: [
    "Shows for each record what would leave, for whom, and what stays behind. Needs no Kafka, no Redis, no network.",
    "",
    'A line is {"source": …, "key"?: …, "headers"?: {…}, "timestampMs"?: …, "value": …}. A value that is text stands for',
    "the record's text as it is; anything else is its JSON. Exit code 1: a record is a dead letter, or a line is broken.",
  ].join("\n"),
  flags: FLAGS,
  run: async (flags, positionals) => {
    if (positionals.length > 0) {
      return usageProblem("map", `${JSON.stringify(positionals[0])} is one argument too many`);
    }
    if (flags.file === undefined) return usageProblem("map", "it needs --file FILE");
    const loaded = loadFromFlags({ ...flags, dev: false, port: undefined });
    if (loaded.kind === "problems") {
      printProblems(loaded);
      return EXIT_CODES.problem;
    }
    if (flags.source !== undefined && !Object.hasOwn(loaded.config.sources, flags.source)) {
      const known = Object.keys(loaded.config.sources).join(", ");
      return usageProblem("map", `no source is named ${JSON.stringify(flags.source)}; there are ${known}`);
    }
    const lines = await readLines(flags.file);
    if (typeof lines === "string") {
      printProblem(`Cannot read ${JSON.stringify(flags.file)}: ${lines}`);
      return EXIT_CODES.problem;
    }
    return flags.document ? printDocument(lines, loaded.config, flags) : mapLines(lines, loaded.config, flags);
  },
};

function printDocument(lines: readonly string[], config: Config, flags: FlagValues<typeof FLAGS>): number {
  const samples = recordLines(lines, config, flags).flatMap(({ read }) => typeof read === "string" ? [] : [read]);
  const given = Object.entries({ config: flags.config, file: flags.file })
    .flatMap(([name, value]) => value === undefined ? [] : [`--${name} ${value}`]);
  print(mappingDocument(config, samples, ["tidegate map --document", ...given].join(" ")).trimEnd());
  return EXIT_CODES.ok;
}

/** Counts of everything that was read. */
interface Summary {
  records: number;
  messages: number;
  mapped: number;
  dropped: number;
  deadLetters: number;
  brokenLines: number;
}

function mapLines(lines: readonly string[], config: Config, flags: FlagValues<typeof FLAGS>): number {
  const formats = new Map(Object.entries(config.sources).map(([name, { format }]) => [name, format]));
  const pipeline = createPipeline({ mappings: config.mappings, formats });
  const summary: Summary = { records: 0, messages: 0, mapped: 0, dropped: 0, deadLetters: 0, brokenLines: 0 };
  for (const { line, read } of recordLines(lines, config, flags)) {
    if (typeof read === "string") {
      summary.brokenLines++;
      printProblem(`${flags.file}:${line}: the line ${printable(read)}`);
      continue;
    }
    const row = rowOf(line, read, pipeline, config);
    count(summary, row.outcome);
    print(flags.json ? stringifyExact(jsonRow(row)) : textRow(row));
  }
  print(flags.json ? JSON.stringify({ summary }) : textSummary(summary));
  return summary.deadLetters + summary.brokenLines === 0 ? EXIT_CODES.ok : EXIT_CODES.problem;
}

/** The records of the lines that are not empty; a text where a line holds none. */
function recordLines(
  lines: readonly string[],
  { sources }: Config,
  flags: FlagValues<typeof FLAGS>,
): readonly { readonly line: number; readonly read: RecordLine | string }[] {
  return lines.flatMap((text, index) => {
    if (text.trim() === "") return [];
    const given = { source: flags.source, offset: BigInt(index), timestampMs: Date.now() };
    const read = readRecordLine(text, given);
    const isUnknown = typeof read !== "string" && !Object.hasOwn(sources, read.source);
    return [{ line: index + 1, read: isUnknown ? unknownSource(read.source) : read }];
  });
}

/** What is shown of one record. */
interface Row {
  readonly line: number;
  readonly source: string;
  readonly outcome: MappingOutcome;
  /** Fields of the data that stay behind. */
  readonly trimmed: readonly string[];
}

function rowOf(line: number, { source, record }: RecordLine, pipeline: Pipeline, config: Config): Row {
  const outcome = pipeline.mapRecord(source, record, 0);
  const rule = outcome.kind === "messages"
    ? config.mappings.rules.find(({ name }) => name === outcome.rule)
    : undefined;
  if (rule === undefined) return { line, source, outcome, trimmed: [] };
  const reading = { format: config.sources[source]?.format ?? "auto", maxRecordBytes: config.mappings.maxRecordBytes };
  return { line, source, outcome, trimmed: trimmedOfRecord(record, reading, rule) };
}

function count(summary: Summary, outcome: MappingOutcome): void {
  summary.records++;
  switch (outcome.kind) {
    case "messages":
      summary.mapped++;
      summary.messages += outcome.messages.length;
      return;
    case "dropped":
      summary.dropped++;
      return;
    case "dead-letter":
      summary.deadLetters++;
  }
}

function jsonRow({ line, source, outcome, trimmed }: Row): object {
  if (outcome.kind !== "messages") return { line, source, ...outcome };
  const [first] = outcome.messages;
  const scopes = outcome.messages.map(({ scope }) => scope);
  const { event, data, audience, time, version, priority, conflationKey } = first ?? {};
  const { kind, rule } = outcome;
  return { line, source, kind, rule, event, scopes, audience, time, version, priority, conflationKey, data, trimmed };
}

function textRow({ line, source, outcome, trimmed }: Row): string {
  const head = `${line} ${source}`;
  if (outcome.kind === "dropped") return `${head}: dropped by ${outcome.by}`;
  if (outcome.kind === "dead-letter") return `${head}: dead letter, ${outcome.reason}: ${printable(outcome.detail)}`;
  const [first] = outcome.messages;
  if (first === undefined) return `${head}: nothing (rule ${outcome.rule})`;
  const rows: [string, string][] = [
    ["scope", outcome.messages.map(({ scope }) => scope).join(", ")],
    ["audience", first.audience.join(", ")],
    ["data", stringifyExact(first.data)],
    ["time", first.time],
    ["priority", first.priority === "normal" ? "" : first.priority],
    ["replaces by", first.conflationKey ?? ""],
    ["stays behind", trimmed.join(", ")],
  ];
  const shown = rows.filter(([, text]) => text !== "").map(([name, text]) =>
    `  ${name.padEnd(12)}  ${printable(text)}`
  );
  return [`${head}: ${first.event} (rule ${outcome.rule})`, ...shown].join("\n");
}

function textSummary({ records, mapped, messages, dropped, deadLetters, brokenLines }: Summary): string {
  const broken = brokenLines === 0 ? "" : `, ${brokenLines} broken lines`;
  return `${records} records: ${mapped} mapped to ${messages} messages, ${dropped} dropped, ${deadLetters} dead letters${broken}`;
}

function unknownSource(source: string): string {
  return `has the source ${JSON.stringify(source)}, which is not configured`;
}

/** The file's lines; a text when it cannot be read. */
async function readLines(file: string): Promise<readonly string[] | string> {
  try {
    const readable = file === "-" ? Deno.stdin.readable : (await Deno.open(file)).readable;
    return (await new Response(readable).text()).split(/\r?\n/);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "it does not exist";
    return error instanceof Error ? error.message : String(error);
  }
}
