import { formatProblem } from "../../src/config/config_problem.ts";
import type { FlagSetting } from "../../src/config/apply_overrides.ts";
import type { SecretFileContent } from "../../src/config/read_secret_files.ts";
import { type LoadedConfig, resolveConfig } from "../../src/config/resolve_config.ts";
import type { Config } from "../../src/config/schema.ts";

/** What a test says beside the file. */
export interface Given {
  readonly env?: Record<string, string>;
  readonly flags?: readonly FlagSetting[];
  readonly files?: Record<string, SecretFileContent | string>;
}

/** Resolves a configuration given as text; its file is called `t.yaml`. */
export function resolve(text: string, { env = {}, flags = [], files = {} }: Given = {}): LoadedConfig {
  return resolveConfig({
    file: { name: "t.yaml", text },
    environment: env,
    flags,
    readSecretFile: (path) => {
      const content = files[path];
      if (content === undefined) return { kind: "missing" };
      return typeof content === "string" ? { kind: "content", text: content, isWorldReadable: false } : content;
    },
  });
}

/** The configuration that must come out; fails with the problems. */
export function configOf(text: string, given: Given = {}): Config {
  const loaded = resolve(text, given);
  if (loaded.kind === "ok") return loaded.config;
  throw new Error(loaded.problems.map(formatProblem).join("\n"));
}

/** The problems as they are printed; none when the configuration is right. */
export function problemsOf(text: string, given: Given = {}): readonly string[] {
  const loaded = resolve(text, given);
  return loaded.kind === "ok" ? [] : loaded.problems.filter(({ severity }) => severity === "error").map(formatProblem);
}

/** The warnings as they are printed, of a configuration that is right. */
export function warningsOf(text: string, given: Given = {}): readonly string[] {
  const loaded = resolve(text, given);
  return loaded.kind === "ok" ? loaded.warnings.map(formatProblem) : [];
}
