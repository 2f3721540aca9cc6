import { type Command, EXIT_CODES, runCommand, usageProblem } from "./command.ts";
import { CONFIG_FLAGS, loadFromFlags, printProblems } from "./config_flags.ts";

/** `tidegate serve`: runs the gateway until it is told to stop; resolves with the exit code. */
export async function serve(args: readonly string[]): Promise<number> {
  return await runCommand(SERVE, args);
}

const SERVE: Command<typeof CONFIG_FLAGS> = {
  name: "serve",
  usage: ["serve [flags]", "[flags]"],
  about: "Runs the gateway. Without any configuration it keeps events in memory and listens on 127.0.0.1:8080.",
  flags: CONFIG_FLAGS,
  run: async (flags, [unexpected]) => {
    if (unexpected !== undefined) {
      return usageProblem("serve", `${JSON.stringify(unexpected)} is no argument of it; a file is named by --config`);
    }
    const loaded = loadFromFlags(flags);
    printProblems(loaded);
    if (loaded.kind === "problems") return EXIT_CODES.problem;
    const gateway = await import("../gateway/serve.ts");
    return await gateway.serve(loaded.config);
  },
};
