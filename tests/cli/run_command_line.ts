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
  const { error } = console;
  // Its own property hides the method of its class, until it is deleted.
  Object.assign(Deno.stdout, {
    writeSync: (bytes: Uint8Array) => {
      printed.out += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  console.error = (text: string) => void (printed.err += `${text}\n`);
  try {
    const code = await commandLine(args);
    return { code, ...printed };
  } finally {
    Reflect.deleteProperty(Deno.stdout, "writeSync");
    console.error = error;
  }
}
