import { configurationDocument } from "../config/configuration_document.ts";
import { effectiveSettings } from "../config/effective_settings.ts";
import { formatSettings, settingRows } from "../config/format_settings.ts";
import { jsonSchema } from "../config/json_schema.ts";
import type { LoadedConfig } from "../config/resolve_config.ts";
import { configSchema } from "../config/schema.ts";
import { type Command, didYouMean, EXIT_CODES, type FlagValues, runCommand, usageProblem } from "./command.ts";
import { CONFIG_FLAGS, loadFromFlags, printProblems } from "./config_flags.ts";
import { print } from "./print.ts";

/** `tidegate config check|print|schema|docs`: resolves with the exit code. */
export async function config(args: readonly string[]): Promise<number> {
  return await runCommand(CONFIG, args);
}

const FLAGS = { ...CONFIG_FLAGS, json: { help: "Print JSON." } } as const;

const TOPICS = ["check", "print", "schema", "docs"] as const;

const CONFIG: Command<typeof FLAGS> = {
  name: "config",
  usage: TOPICS.map((topic) => `config ${topic} [flags]`),
  about: [
    "  check   Is the configuration right? Names everything that is wrong; exit code 0 or 1.",
    "  print   What holds, and who said so: default, file and line, variable or flag. Secrets are redacted.",
    "  schema  The configuration file as JSON Schema 2020-12, for editors.",
    "  docs    The reference of all settings, as Markdown.",
  ].join("\n"),
  flags: FLAGS,
  run: (flags, [topic, ...rest]) => {
    if (topic === undefined) return usageProblem("config", `it needs one of ${TOPICS.join(", ")}`);
    const known = TOPICS.find((candidate) => candidate === topic);
    if (known === undefined) {
      const meant = didYouMean(topic, TOPICS);
      return usageProblem("config", `${JSON.stringify(topic)} is none of ${TOPICS.join(", ")}${meant}`);
    }
    if (rest.length > 0) return usageProblem("config", `${JSON.stringify(rest[0])} is one argument too many`);
    switch (known) {
      case "check":
        return check(loadFromFlags(flags), flags);
      case "print":
        return printConfig(loadFromFlags(flags), flags);
      case "schema":
        print(JSON.stringify(jsonSchema(), null, 2));
        return EXIT_CODES.ok;
      case "docs":
        print(configurationDocument().trimEnd());
        return EXIT_CODES.ok;
    }
  },
};

function check(loaded: LoadedConfig, flags: FlagValues<typeof FLAGS>): number {
  const isOk = loaded.kind === "ok";
  if (flags.json) {
    const problems = isOk ? loaded.warnings : loaded.problems;
    print(JSON.stringify({ ok: isOk, problems }, null, 2));
  } else {
    printProblems(loaded);
    if (isOk) print("The configuration is right.");
  }
  return isOk ? EXIT_CODES.ok : EXIT_CODES.problem;
}

function printConfig(loaded: LoadedConfig, flags: FlagValues<typeof FLAGS>): number {
  if (loaded.kind === "problems") return check(loaded, flags);
  const settings = effectiveSettings(loaded.settings, configSchema, loaded.config);
  print(flags.json ? JSON.stringify(settingRows(settings), null, 2) : formatSettings(settings).trimEnd());
  return EXIT_CODES.ok;
}
