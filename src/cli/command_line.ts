import { SERVER_VERSION } from "../model/server_version.ts";
import { didYouMean, EXIT_CODES, usageProblem } from "./command.ts";
import { print, printProblem } from "./print.ts";

/** Runs what the arguments ask for; resolves with the exit code: 0 done, 1 a problem was found, 2 called wrongly. */
export async function commandLine(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--version" || first === "version") {
    print(`tidegate ${SERVER_VERSION} (deno ${Deno.version.deno}, v8 ${Deno.version.v8})`);
    return EXIT_CODES.ok;
  }
  if (first === "--help" || first === "-h" || (first === "help" && rest.length === 0)) {
    print(HELP);
    return EXIT_CODES.ok;
  }
  // Without a command the gateway runs, so that an image's entry point needs no argument.
  const isCommand = first !== undefined && !first.startsWith("-");
  const name = !isCommand ? DEFAULT_COMMAND : first === "help" ? rest[0] ?? "" : first;
  const commandArgs = !isCommand ? args : first === "help" ? ["--help"] : rest;
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const meant = didYouMean(name, COMMANDS.map((candidate) => candidate.name));
    return usageProblem("", `${JSON.stringify(name)} is no command${meant}`);
  }
  try {
    const run = await command.load();
    return await run(commandArgs);
  } catch (error) {
    // What no command foresaw; its stack is for a bug report, not for a terminal.
    printProblem(`Cannot finish tidegate ${name}: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT_CODES.problem;
  }
}

interface CommandRow {
  readonly name: string;
  readonly summary: string;
  /** Loaded only when it is run, so that each starts with no more than it needs. */
  readonly load: () => Promise<(args: readonly string[]) => Promise<number>>;
}

const DEFAULT_COMMAND = "serve";

/** Every command; each answers `--help` itself. */
const COMMANDS: readonly CommandRow[] = [
  {
    name: "serve",
    summary: "Run the gateway (default).",
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "config",
    summary: "Check, print or document the configuration.",
    load: async () => (await import("./config.ts")).config,
  },
  {
    name: "token",
    summary: "Mint a token for development, or look into one.",
    load: async () => (await import("./token.ts")).token,
  },
  {
    name: "map",
    summary: "Show what the configuration does to records, offline.",
    load: async () => (await import("./map.ts")).map,
  },
  {
    name: "tail",
    summary: "Follow a stream, or everything that a node reads.",
    load: async () => (await import("./tail.ts")).tail,
  },
  {
    name: "publish",
    summary: "Publish one event.",
    load: async () => (await import("./publish.ts")).publish,
  },
  {
    name: "explain",
    summary: "Say why somebody got an event or not.",
    load: async () => (await import("./explain.ts")).explain,
  },
  {
    name: "verify",
    summary: "Audit a running gateway: what is lost, comes twice, out of order or late.",
    load: async () => (await import("./verify.ts")).verify,
  },
  {
    name: "deadletter",
    summary: "List the records that could not be mapped, or try them again.",
    load: async () => (await import("./deadletter.ts")).deadletter,
  },
  {
    name: "outbox",
    summary: "Print the SQL of the transactional outbox.",
    load: async () => (await import("./outbox.ts")).outbox,
  },
];

const HELP = [
  "Usage: tidegate [command] [flags]",
  "",
  "Carries events from Kafka, Redis Streams and an embedded log to every browser that may see them.",
  "",
  ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}  ${summary}`),
  "",
  "  tidegate <command> --help   What it takes.",
  "  tidegate --version          Which version this is.",
  "",
  "Exit codes: 0 done, 1 a problem was found, 2 called wrongly, 141 nobody reads what it prints any more.",
].join("\n");
