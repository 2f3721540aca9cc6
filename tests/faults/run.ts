// deno-lint-ignore-file no-console -- a command: what it prints is its purpose
/**
 * All the faults on real servers: `deno task faults`, or some of them: `--only=TEXT` runs the rows whose name holds the text,
 * `--seed=N` repeats a run's choices, `--list` names the rows. Prints a line a row.
 */
import { installServers } from "../support/install_servers.ts";
import { FAULTS } from "./fault_table.ts";
import { FaultServers } from "./fault_servers.ts";
import { reportFault } from "./report_fault.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const only = valueOf(args, "only") ?? "";
  const seed = valueOf(args, "seed");
  const unknown = args.filter((argument) => !/^--(only=|seed=\d+$|list$)/.test(argument));
  const faults = FAULTS.filter(({ name }) => name.includes(only));
  if (unknown.length > 0 || faults.length === 0) {
    console.error(
      unknown.length > 0
        ? `Cannot run the faults: unknown ${unknown.join(" ")}. Known: --only=TEXT --seed=NUMBER --list`
        : `Cannot run the faults: no row's name holds "${only}"; see --list`,
    );
    return 2;
  }
  if (args.includes("--list")) {
    for (const { name } of faults) console.log(name);
    return 0;
  }
  await installServers();
  await using servers = new FaultServers();
  let failed = 0;
  for (const fault of faults) {
    const { isGreen, text } = await reportFault(fault, servers, seed === undefined ? newSeed() : Number(seed));
    console.log(text);
    if (!isGreen) failed++;
  }
  console.log(`${faults.length - failed} faults survived, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function valueOf(args: readonly string[], name: string): string | undefined {
  return args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
}

function newSeed(): number {
  return Math.floor(Math.random() * 1_000_000);
}
