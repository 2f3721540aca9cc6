import { applyEnvironment, applyFlags, type FlagSetting } from "./apply_overrides.ts";
import type { ConfigProblem } from "./config_problem.ts";
import { interpretText } from "./interpret_text.ts";
import { issueProblems } from "./issue_problems.ts";
import { type ReadSecretFile, readSecretFiles } from "./read_secret_files.ts";
import { readYAML } from "./read_yaml.ts";
import { RELATIONS } from "./relations.ts";
import { type Config, configSchema } from "./schema.ts";
import { formatPath, nodeAt, originAt, plainValue, type SettingNode } from "./setting_tree.ts";
import { type Environment, substituteVariables } from "./substitute_variables.ts";

/** All that a configuration is made of, as text: nothing here reads a file or a variable by itself. */
export interface ConfigSources {
  /** Absent: no file, only defaults, variables and flags. */
  readonly file?: { readonly name: string; readonly text: string };
  readonly environment: Environment;
  readonly flags: readonly FlagSetting[];
  readonly readSecretFile: ReadSecretFile;
}

/** A configuration that may be started with, or everything that is wrong with it. */
export type LoadedConfig =
  | {
    readonly kind: "ok";
    readonly config: Config;
    /** What was given, and where; what is not in it is a default. */
    readonly settings: SettingNode;
    readonly warnings: readonly ConfigProblem[];
  }
  | { readonly kind: "problems"; readonly problems: readonly ConfigProblem[] };

/**
 * Puts a configuration together: file, over it the environment, over it the flags; then the schema, then the
 * relations. All problems come at once. Never throws, whatever the texts are.
 */
export function resolveConfig(given: ConfigSources): LoadedConfig {
  const file = given.file === undefined ? undefined : readYAML(given.file.name, given.file.text);
  const empty: SettingNode = { kind: "map", entries: new Map(), origin: { kind: "default" } };
  const substituted = substituteVariables(file?.settings ?? empty, given.environment);
  // A variable that the file refers to is not ours, whatever its name.
  const overrides = Object.entries(given.environment).filter(([name]) => !substituted.variables.has(name));
  const withVariables = applyEnvironment(substituted.node, Object.fromEntries(overrides), configSchema);
  const withFlags = applyFlags(withVariables.settings, given.flags, configSchema);
  const interpreted = interpretText(withFlags.settings, configSchema);
  const secrets = readSecretFiles(interpreted, configSchema, given.readSecretFile);
  const settings = secrets.node;
  const { config, problems } = check(settings);
  const all = [
    ...file?.problems ?? [],
    ...substituted.problems,
    ...withVariables.problems,
    ...withFlags.problems,
    ...secrets.problems,
    ...problems,
  ];
  if (config === undefined || all.some(({ severity }) => severity === "error")) {
    return { kind: "problems", problems: all.sort(byPosition) };
  }
  return { kind: "ok", config, settings, warnings: all };
}

/** The schema, then the relations between those sections that it takes. */
function check(settings: SettingNode): { config?: Config; problems: readonly ConfigProblem[] } {
  const input = plainValue(settings);
  const parsed = configSchema.safeParse(input);
  if (parsed.success) return { config: parsed.data, problems: relationProblems(parsed.data, settings, new Set()) };
  const problems = issueProblems(parsed.error.issues, settings, configSchema);
  const bad = new Set(parsed.error.issues.map(({ path: [section] }) => String(section ?? "")));
  // With the bad sections left out, the others can be held against each other in the same run.
  const sections = typeof input === "object" && input !== null ? Object.entries(input) : [];
  const rest = Object.fromEntries(sections.filter(([section]) => SECTIONS.has(section) && !bad.has(section)));
  const partial = configSchema.safeParse(rest);
  return {
    problems: partial.success ? [...problems, ...relationProblems(partial.data, settings, bad)] : problems,
  };
}

const SECTIONS: ReadonlySet<string> = new Set(Object.keys(configSchema.in.in.shape));

function relationProblems(config: Config, settings: SettingNode, bad: ReadonlySet<string>): readonly ConfigProblem[] {
  return RELATIONS.filter(({ sections }) => !sections.some((section) => bad.has(section))).flatMap((relation) =>
    relation.find(config).map(({ path, message }): ConfigProblem => ({
      severity: relation.severity,
      // Of a section that nobody wrote, there is no place to point at.
      origin: nodeAt(settings, path.slice(0, 1)) === undefined ? { kind: "default" } : originAt(settings, path),
      path: formatPath(path),
      message,
    }))
  );
}

/** In the order of the file; then what came from elsewhere, in the order found. */
function byPosition({ origin: left }: ConfigProblem, { origin: right }: ConfigProblem): number {
  if (left.kind !== "file" || right.kind !== "file") {
    return Number(left.kind !== "file") - Number(right.kind !== "file");
  }
  return left.line - right.line || left.column - right.column;
}
