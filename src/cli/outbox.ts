import { outboxDDL } from "../outbox/outbox_ddl.ts";
import { type Command, didYouMean, EXIT_CODES, runCommand, usageProblem } from "./command.ts";
import { CONFIG_FLAGS, loadFromFlags, printProblems } from "./config_flags.ts";
import { print } from "./print.ts";

/** `tidegate outbox ddl`: resolves with the exit code. */
export async function outbox(args: readonly string[]): Promise<number> {
  return await runCommand(OUTBOX, args);
}

const FLAGS = { config: CONFIG_FLAGS.config, set: CONFIG_FLAGS.set } as const;

const TOPICS = ["ddl"] as const;

const OUTBOX: Command<typeof FLAGS> = {
  name: "outbox",
  usage: ["outbox ddl [flags]"],
  about: "  ddl  The SQL that makes the table of the transactional outbox, under the names of the configuration.",
  flags: FLAGS,
  run: (flags, [topic, ...rest]) => {
    if (topic === undefined) return usageProblem("outbox", `it needs one of ${TOPICS.join(", ")}`);
    if (!TOPICS.some((known) => known === topic)) {
      const meant = didYouMean(topic, TOPICS);
      return usageProblem("outbox", `${JSON.stringify(topic)} is none of ${TOPICS.join(", ")}${meant}`);
    }
    if (rest.length > 0) return usageProblem("outbox", `${JSON.stringify(rest[0])} is one argument too many`);
    const loaded = loadFromFlags({ ...flags, dev: false, port: undefined });
    if (loaded.kind === "problems") {
      printProblems(loaded);
      return EXIT_CODES.problem;
    }
    print(outboxDDL(loaded.config.outbox).trimEnd());
    return EXIT_CODES.ok;
  },
};
