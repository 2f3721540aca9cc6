import { parseArgs, type ParseArgsConfig } from "node:util";
import { closestWord } from "../config/closest_word.ts";
import { print, printProblem } from "./print.ts";

/** How a command ends, for shells and scripts. */
export const EXIT_CODES = {
  ok: 0,
  /** The command ran and found something wrong. */
  problem: 1,
  /** It was called wrongly and did nothing. */
  usage: 2,
} as const;

/** One command: what its help says, and what it does. */
export interface Command<Flags extends FlagTable> {
  /** As it is typed behind `tidegate`. */
  readonly name: string;
  /** Lines of the synopsis, without `tidegate`. */
  readonly usage: readonly string[];
  /** What it does; the text of its help. */
  readonly about: string;
  readonly flags: Flags;
  /** Resolves with the exit code. */
  readonly run: (flags: FlagValues<Flags>, positionals: readonly string[]) => Promise<number> | number;
}

/** Flags by name, without the dashes. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** One flag; `value` names what it takes in the help, without it the flag takes nothing. */
export interface Flag {
  readonly value?: string;
  readonly isRepeatable?: boolean;
  readonly help: string;
}

/** What was given: a text for a flag with a value, all of them for a repeatable one, else whether it stood there. */
export type FlagValues<Flags extends FlagTable> = {
  readonly [Name in keyof Flags]: Flags[Name] extends { readonly isRepeatable: true } ? readonly string[]
    : Flags[Name] extends { readonly value: string } ? string | undefined
    : boolean;
};

/** Runs a command on its arguments: answers `--help`, refuses what it does not know, else runs it. */
export async function runCommand<Flags extends FlagTable>(
  command: Command<Flags>,
  args: readonly string[],
): Promise<number> {
  const parsed = parseFlags(command.flags, args);
  if (parsed.kind === "help") {
    print(helpText(command));
    return EXIT_CODES.ok;
  }
  if (parsed.kind === "wrong") return usageProblem(command.name, parsed.message);
  return await command.run(parsed.values, parsed.positionals);
}

/** Says how a command was called wrongly; gives the exit code for it. */
export function usageProblem(command: string, message: string): number {
  const name = command === "" ? "tidegate" : `tidegate ${command}`;
  printProblem(`Cannot run ${name}: ${message}${message.endsWith("?") ? "" : "."} See ${name} --help`);
  return EXIT_CODES.usage;
}

/** `; did you mean X?`, or nothing when no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = closestWord(word, candidates);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

type Parsed<Flags extends FlagTable> =
  | { readonly kind: "flags"; readonly values: FlagValues<Flags>; readonly positionals: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string };

function parseFlags<Flags extends FlagTable>(flags: Flags, args: readonly string[]): Parsed<Flags> {
  const options: NonNullable<ParseArgsConfig["options"]> = { help: { type: "boolean", short: "h" } };
  for (const [name, flag] of Object.entries(flags)) {
    options[name] = { type: flag.value === undefined ? "boolean" : "string" };
  }
  // Not strict: the library's own messages know neither the nearest flag nor our grammar.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (name === "help") return { kind: "help" };
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (flag === undefined) {
      const known = Object.keys(flags).map((known) => `--${known}`);
      return { kind: "wrong", message: `${rawName} is no flag of it${didYouMean(rawName, known)}` };
    }
    const wantsValue = flag.value !== undefined;
    if (wantsValue && (value === undefined || (value.startsWith("--") && !token.inlineValue))) {
      return { kind: "wrong", message: `${rawName} needs a value, ${rawName} ${flag.value}` };
    }
    if (!wantsValue && value !== undefined) return { kind: "wrong", message: `${rawName} takes no value` };
    const values = given.get(name) ?? [];
    if (values.length > 0 && flag.isRepeatable !== true) {
      return { kind: "wrong", message: `${rawName} is given twice` };
    }
    given.set(name, [...values, value ?? ""]);
  }
  const values = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, flagValue(flag, given.get(name) ?? [])]),
  );
  // Built from the same table as the type.
  return { kind: "flags", values: values as FlagValues<Flags>, positionals };
}

function flagValue(flag: Flag, values: readonly string[]): readonly string[] | string | boolean | undefined {
  if (flag.isRepeatable === true) return values;
  return flag.value === undefined ? values.length > 0 : values[0];
}

function helpText(command: Pick<Command<FlagTable>, "usage" | "about" | "flags">): string {
  const flags = Object.entries(command.flags).map(([name, { value, help }]): [string, string] => [
    `--${name}${value === undefined ? "" : ` ${value}`}`,
    help,
  ]);
  const rows: [string, string][] = [...flags, ["--help", "This text."]];
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [
    ...command.usage.map((usage, index) => `${index === 0 ? "Usage:" : "      "} tidegate ${usage}`),
    "",
    command.about,
    "",
    ...rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`),
  ].join("\n");
}
