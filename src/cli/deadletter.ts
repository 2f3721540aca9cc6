import { reasonOf } from "../log/reason_of.ts";
import type { FoundLetters, KeptLetter } from "../gateway/dead_letter_desk.ts";
import type { RetryResult } from "../gateway/dead_letter_retry.ts";
import type { DeadLetter } from "../pipeline/dead_letter.ts";
import { DEAD_LETTER_REASONS } from "../pipeline/mapping_outcome.ts";
import { type Command, didYouMean, EXIT_CODES, type FlagValues, runCommand, usageProblem } from "./command.ts";
import { CONFIG_FLAGS, loadFromFlags, printProblems } from "./config_flags.ts";
import { print, printProblem } from "./print.ts";
import { printable } from "./printable.ts";

/** `tidegate deadletter list|retry`: resolves with the exit code. */
export async function deadletter(args: readonly string[]): Promise<number> {
  return await runCommand(DEADLETTER, args);
}

const FLAGS = {
  source: { value: "NAME", help: "Only letters of records of this source." },
  reason: { value: "REASON", help: `Only letters with this reason: ${Object.keys(DEAD_LETTER_REASONS).join(", ")}.` },
  limit: { value: "N", help: "Most letters, the oldest first; at most 1000. Default: 100." },
  "dry-run": { help: "retry: show what would become of them, and publish and note nothing." },
  again: { help: "retry: also letters whose retry was begun or done before." },
  config: CONFIG_FLAGS.config,
  set: CONFIG_FLAGS.set,
  json: { help: "Print JSON lines: one a letter, the summary last." },
} as const;

type Flags = FlagValues<typeof FLAGS>;

const TOPICS = ["list", "retry"] as const;
const DEFAULT_LIMIT = 100;
/** Each may hold twice `mappings.deadLetter.maxOriginal`, and all are in memory. */
const MAX_LIMIT = 1_000;

const DEADLETTER: Command<typeof FLAGS> = {
  name: "deadletter",
  usage: ["deadletter list [flags]", "deadletter retry [flags]"],
  about: [
    "  list   Shows the records that could not be mapped, from where the configuration keeps them.",
    "  retry  Publishes their originals into their sources again, if the configuration can map them now. Each letter",
    "         once: what is done is noted beside it. Exit code 1: one or more could not be published.",
  ].join("\n"),
  flags: FLAGS,
  run: async (flags, [topic, ...rest]) => {
    if (topic === undefined) return usageProblem("deadletter", `it needs one of ${TOPICS.join(", ")}`);
    const known = TOPICS.find((candidate) => candidate === topic);
    if (known === undefined) {
      const meant = didYouMean(topic, TOPICS);
      return usageProblem("deadletter", `${JSON.stringify(topic)} is none of ${TOPICS.join(", ")}${meant}`);
    }
    const limit = flags.limit === undefined ? DEFAULT_LIMIT : Number(flags.limit);
    const wrong = wrongCall(known, rest, flags, limit);
    if (wrong !== undefined) return usageProblem(`deadletter ${known}`, wrong);
    const loaded = loadFromFlags({ ...flags, dev: false, port: undefined });
    if (loaded.kind === "problems") {
      printProblems(loaded);
      return EXIT_CODES.problem;
    }
    const { DeadLetterDesk } = await import("../gateway/dead_letter_desk.ts");
    try {
      await using desk = await DeadLetterDesk.open(loaded.config);
      const { source, reason } = flags;
      if (known === "list") return printList(await desk.find({ source, reason, limit }), flags);
      const states = flags.again ? undefined : { states: ["waiting"] as const };
      const found = await desk.find({ source, reason, limit, ...states });
      const letters = found.letters.map(({ letter }) => letter);
      const results = await desk.retry(letters, { isDryRun: flags["dry-run"], isAgain: flags.again });
      return printResults(results, found, flags);
    } catch (error) {
      printProblem(printable(reasonOf(error)));
      return EXIT_CODES.problem;
    }
  },
};

function wrongCall(
  topic: typeof TOPICS[number],
  rest: readonly string[],
  { reason, ...flags }: Flags,
  limit: number,
): string | undefined {
  if (rest.length > 0) return `${JSON.stringify(rest[0])} is one argument too many`;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return `--limit ${JSON.stringify(flags.limit)} is no whole number from 1 to ${MAX_LIMIT}`;
  }
  if (reason !== undefined && !Object.hasOwn(DEAD_LETTER_REASONS, reason)) {
    return `--reason ${JSON.stringify(reason)} is no reason${didYouMean(reason, Object.keys(DEAD_LETTER_REASONS))}`;
  }
  if (topic === "list" && (flags["dry-run"] || flags.again)) return "--dry-run and --again are for retry";
  return undefined;
}

function printList({ letters, more, unreadable }: FoundLetters, { json }: Flags): number {
  for (const kept of letters) print(json ? JSON.stringify({ ...kept.letter, retry: kept.state }) : listRow(kept));
  if (json) print(JSON.stringify({ summary: { listed: letters.length, more, unreadable } }));
  else print(`${letters.length} dead letters${restText(more, unreadable)}`);
  return EXIT_CODES.ok;
}

function listRow({ letter, state }: KeptLetter): string {
  const size = letter.value === null ? "no value" : `${letter.value.byteLength} bytes`;
  const retried = {
    waiting: "",
    begun: "; its retry was begun, and whether it was published is not known",
    published: `; published again${state.kind === "published" ? ` as ${state.position}` : ""}`,
  }[state.kind];
  const row = `${letter.time ?? "no time"}  ${headOf(letter)}  ${letter.reason}  ${size}: ${letter.detail}${retried}`;
  return printable(row);
}

function printResults(
  results: ReadonlyMap<DeadLetter, RetryResult>,
  { more, unreadable }: FoundLetters,
  { json }: Flags,
): number {
  const counts = new Map<RetryResult["kind"], number>();
  for (const [letter, result] of results) {
    counts.set(result.kind, (counts.get(result.kind) ?? 0) + 1);
    print(json ? JSON.stringify({ ...jsonHead(letter), ...jsonResult(result) }) : resultRow(letter, result));
  }
  const done = (counts.get("published") ?? 0) + (counts.get("would-publish") ?? 0) + (counts.get("dropped") ?? 0);
  const summary = { ...Object.fromEntries(counts), more, unreadable };
  const texts = [...counts].map(([kind, count]) => `${count} ${kind}`);
  print(
    json
      ? JSON.stringify({ summary })
      : `${results.size} dead letters${texts.length === 0 ? "" : `: ${texts.join(", ")}`}${restText(more, unreadable)}`,
  );
  return done === results.size ? EXIT_CODES.ok : EXIT_CODES.problem;
}

function resultRow(letter: DeadLetter, result: RetryResult): string {
  return printable(`${headOf(letter)}  ${resultText(result)}`);
}

function resultText(result: RetryResult): string {
  switch (result.kind) {
    case "published":
      return `published as ${result.position}`;
    case "would-publish":
      return `would be ${result.messages.map(({ event, scope }) => `${event} for ${scope}`).join(", ")}`;
    case "dropped":
      return `not published: the configuration drops it now, by ${result.by}`;
    case "unmappable":
      return `not published: it would be a dead letter again, ${result.reason}: ${result.detail}`;
    case "not-whole":
      return `cannot be retried: ${result.why}`;
    case "taken":
      return "not published: another retry has begun with it";
    case "failed":
      return `not published: ${result.why}`;
    case "unclear":
      return `perhaps published, and not tried again without --again: ${result.why}`;
  }
}

function jsonResult(result: RetryResult): object {
  if (result.kind !== "would-publish") return { result };
  return { result: { kind: result.kind, messages: result.messages.map(({ event, scope }) => ({ event, scope })) } };
}

function jsonHead({ source, partition, offset, time }: DeadLetter): object {
  return { source, partition, offset, time };
}

function headOf({ source, partition, offset }: DeadLetter): string {
  return `${source}:${partition}:${offset}`;
}

function restText(more: number, unreadable: number): string {
  const rest = more === 0 ? "" : `, ${more} more behind --limit`;
  return `${rest}${unreadable === 0 ? "" : `, ${unreadable} entries that are none`}`;
}
