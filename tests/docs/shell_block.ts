import { parseArgs } from "node:util";
import { runCommandLine } from "../cli/run_command_line.ts";
import type { CodeBlock } from "./code_block.ts";
import { shellCommands } from "./shell_commands.ts";

/** What commands are held against. */
export interface ShellContext {
  /** Of deno.json. */
  readonly tasks: ReadonlySet<string>;
  /** The methods of a path on the gateway's ports; none where there is nothing. */
  readonly methodsOf: (path: string) => Promise<readonly string[]>;
}

/** Words of the shell itself, and programs of others: whether they are called rightly is theirs to say. */
const NOT_OURS = new Set(
  ("cd cat chmod cp do docker done echo export fi for git grep head if kill mkdir mv npm openssl promtool psql redis-cli " +
    "seq sleep sort ssh sudo sysctl systemctl then ulimit while kafka-acls.sh kafka-configs.sh kafka-topics.sh")
    .split(" "),
);

/** What is wrong with the commands of a block. */
export async function shellProblems({ text }: CodeBlock, context: ShellContext): Promise<string[]> {
  const problems: string[] = [];
  for (const command of shellCommands(text)) {
    const start = command.findIndex((word) => !/^(\w+=.*|do|then|nohup|sudo|time)$/.test(word));
    if (start === -1) continue;
    const words = command.slice(start);
    const problem = await problemOf(words, context);
    if (problem !== undefined) problems.push(`${words.join(" ")}: ${problem}`);
  }
  return problems;
}

async function problemOf(words: readonly string[], context: ShellContext): Promise<string | undefined> {
  const [program = "", ...args] = words;
  if (/^(dist\/|\.\/)?tidegate$/.test(program)) return await tidegateProblem(args);
  if (program === "npx" && args[0] === "-y" && args[1]?.startsWith("deno@")) {
    return await problemOf(["deno", ...args.slice(2)], context);
  }
  if (program === "deno") {
    const [verb, task = "", ...rest] = args;
    if (verb !== "task") return undefined;
    if (!context.tasks.has(task)) return `deno.json has no task ${task}`;
    if (task === "tidegate") return await tidegateProblem(rest);
    return task === "dev" || task === "start" ? await tidegateProblem(["serve", ...rest]) : undefined;
  }
  if (program === "curl") return await curlProblem(args, context);
  return NOT_OURS.has(program) ? undefined : "no program that this check knows";
}

/** With `--help` at its end a command runs nothing, and still refuses what it does not know before it. */
async function tidegateProblem(args: readonly string[]): Promise<string | undefined> {
  const { code, err } = await runCommandLine(...args, "--help");
  return code === 0 ? undefined : err.trim();
}

/** The curl flags in use that take a value; the others take none. */
const CURL_VALUES = { H: "header", d: "data", X: "request", o: "output", w: "write-out", m: "max-time" } as const;

async function curlProblem(args: readonly string[], { methodsOf }: ShellContext): Promise<string | undefined> {
  const options = Object.fromEntries([
    ...Object.entries(CURL_VALUES).map(([short, name]) => [name, { type: "string", short, multiple: true }] as const),
    ["data-urlencode", { type: "string", multiple: true }] as const,
    ["get", { type: "boolean", short: "G" }] as const,
  ]);
  const { values, positionals } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true });
  const [address = ""] = positionals;
  const url = URL.parse(address.replaceAll(/\$\{?\w+\}?/g, "x").replace(/^(?!https?:)/, "http://"));
  if (url === null) return `${JSON.stringify(address)} is no URL`;
  const hasBody = values["get"] !== true && values["data"] !== undefined;
  const method = [values["request"]].flat()[0] ?? (hasBody ? "POST" : "GET");
  const methods = await methodsOf(url.pathname);
  if (methods.length === 0) return `the gateway has nothing at ${url.pathname}`;
  return methods.includes(String(method)) ? undefined : `${url.pathname} takes no ${method}`;
}
