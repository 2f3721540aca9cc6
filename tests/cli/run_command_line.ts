// deno-lint-ignore-file no-console -- stands in for the terminal
import { commandLine } from "../../src/cli/command_line.ts";

/** What a run of the command line left behind. */
export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line in this process and keeps what it prints. */
export async function runCommandLine(...args: string[]): Promise<CommandRun> {
  const printed = { out: "", err: "" };
  const { log, error } = console;
  console.log = (text: string) => void (printed.out += `${text}\n`);
  console.error = (text: string) => void (printed.err += `${text}\n`);
  try {
    const code = await commandLine(args);
    return { code, ...printed };
  } finally {
    Object.assign(console, { log, error });
  }
}
