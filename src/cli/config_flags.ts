import type { FlagSetting } from "../config/apply_overrides.ts";
import { formatProblem } from "../config/config_problem.ts";
import { loadConfig } from "../config/load_config.ts";
import type { LoadedConfig } from "../config/resolve_config.ts";
import type { FlagValues } from "./command.ts";
import { printProblem } from "./print.ts";

/** The flags of every command that reads the configuration. */
export const CONFIG_FLAGS = {
  config: { value: "FILE", help: "The configuration. Default: TIDEGATE_CONFIG, else tidegate.yaml if it is there." },
  dev: { help: "Development mode: a token, a ready-to-paste curl and demo events. Sets dev.enabled." },
  port: { value: "PORT", help: "Sets server.port." },
  set: {
    value: "KEY=VALUE",
    isRepeatable: true,
    help: "Sets any setting, such as streams.heartbeat=20s. May be given several times.",
  },
} as const;

/** Loads the configuration that the flags, the environment and the file make together. */
export function loadFromFlags(flags: FlagValues<typeof CONFIG_FLAGS>): LoadedConfig {
  const settings: FlagSetting[] = flags.set.map((setting) => {
    const equals = setting.indexOf("=");
    const path = equals < 0 ? setting : setting.slice(0, equals);
    // Without a value it is refused by what it names, in the same words as any other empty value.
    return { flag: "--set", path, value: equals < 0 ? "" : setting.slice(equals + 1) };
  });
  if (flags.port !== undefined) settings.push({ flag: "--port", path: "server.port", value: flags.port });
  if (flags.dev) settings.push({ flag: "--dev", path: "dev.enabled", value: "true" });
  const env = Deno.env.toObject();
  return loadConfig({ env, flags: settings, ...(flags.config === undefined ? {} : { file: flags.config }) });
}

/** Prints every problem, or every warning, of a configuration. */
export function printProblems(loaded: LoadedConfig): void {
  const problems = loaded.kind === "ok" ? loaded.warnings : loaded.problems;
  for (const problem of problems) printProblem(formatProblem(problem));
  if (loaded.kind === "ok") return;
  const errors = problems.filter(({ severity }) => severity === "error").length;
  printProblem(`Cannot start with this configuration: ${errors} ${errors === 1 ? "problem" : "problems"}.`);
}
