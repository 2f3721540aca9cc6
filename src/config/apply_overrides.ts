import type * as z from "zod";
import { closestWord } from "./closest_word.ts";
import type { ConfigProblem } from "./config_problem.ts";
import { schemaNode } from "./schema_node.ts";
import {
  childSchema,
  type SettingTemplate,
  settingTemplates,
  VARIABLE_PREFIX,
  variableName,
  variablePart,
} from "./setting_template.ts";
import {
  nodeAt,
  type SettingEntry,
  type SettingNode,
  type SettingOrigin,
  type SettingPath,
  settingTree,
} from "./setting_tree.ts";
import type { Environment } from "./substitute_variables.ts";

/** A setting given on the command line. */
export interface FlagSetting {
  /** As typed, for problems: `--port`, `--set streams.heartbeat`. */
  readonly flag: string;
  /** Dotted path, `streams.heartbeat`. */
  readonly path: string;
  readonly value: string;
}

/** Settings with what lies over them, and what fitted nowhere. */
export interface Overridden {
  readonly settings: SettingNode;
  readonly problems: readonly ConfigProblem[];
}

/** Variables with our prefix that are no settings. */
const OTHER_VARIABLES = /^TIDEGATE_(?:CONFIG$|DEVELOPMENT_SECRET$|TEST_)/;

/** Lays `TIDEGATE_SECTION_KEY` variables over what the file says. */
export function applyEnvironment(settings: SettingNode, environment: Environment, schema: z.core.$ZodType): Overridden {
  const templates = settingTemplates(schema);
  const problems: ConfigProblem[] = [];
  let result = settings;
  for (const variable of Object.keys(environment).sort()) {
    if (!variable.startsWith(VARIABLE_PREFIX) || OTHER_VARIABLES.test(variable)) continue;
    const origin: SettingOrigin = { kind: "env", variable };
    const path = pathOfVariable(variable, templates, result);
    if (path !== undefined) {
      result = withSetting(result, path, { value: environment[variable] ?? "", origin, schema });
      continue;
    }
    const known = templates.map((template) => variableName(template.path));
    const meant = closestWord(variable, known);
    problems.push({
      severity: "error",
      origin,
      path: "",
      message: "is the variable of no setting",
      ...(meant === undefined ? {} : { suggestion: meant }),
    });
  }
  return { settings: result, problems };
}

/** Lays flags over everything else. */
export function applyFlags(settings: SettingNode, flags: readonly FlagSetting[], schema: z.core.$ZodType): Overridden {
  const templates = settingTemplates(schema);
  const problems: ConfigProblem[] = [];
  let result = settings;
  for (const { flag, path, value } of flags) {
    const origin: SettingOrigin = { kind: "flag", flag };
    const steps = pathOfFlag(path, templates);
    if (steps !== undefined) {
      result = withSetting(result, steps, { value, origin, schema });
      continue;
    }
    const meant = closestWord(path, templates.map((template) => template.path.join(".")));
    problems.push({
      severity: "error",
      origin,
      path,
      message: "is no setting that can be given as text",
      ...(meant === undefined ? {} : { suggestion: meant }),
    });
  }
  return { settings: result, problems };
}

function pathOfVariable(
  variable: string,
  templates: readonly SettingTemplate[],
  settings: SettingNode,
): SettingPath | undefined {
  let best: SettingPath | undefined;
  let bestName = "";
  for (const { path } of templates) {
    const pattern = variableName(path).replaceAll("<NAME>", "([A-Z0-9_]+)").replaceAll("<N>", "([0-9]{1,3})");
    const match = new RegExp(`^${pattern}$`).exec(variable);
    if (match === null) continue;
    const star = path.indexOf("*");
    const [name = ""] = match.slice(1);
    if (star < 0) return filled(path, match.slice(1));
    const map = nodeAt(settings, path.slice(0, star));
    const given = map?.kind === "map" ? [...map.entries.keys()].find((key) => variablePart(key) === name) : undefined;
    // A name that the file has is meant; of others the shortest leaves most of the variable to the setting.
    if (given !== undefined) return filled(path, [given, ...match.slice(2)]);
    if (best !== undefined && name.length >= bestName.length) continue;
    best = filled(path, [name.toLowerCase(), ...match.slice(2)]);
    bestName = name;
  }
  return best;
}

function pathOfFlag(text: string, templates: readonly SettingTemplate[]): SettingPath | undefined {
  for (const { path } of templates) {
    const pattern = path.map((key) => key === "*" ? "(.+)" : key === "#" ? "([0-9]{1,3})" : key).join("\\.");
    const match = new RegExp(`^${pattern}$`).exec(text);
    if (match !== null && !match.includes("__proto__")) return filled(path, match.slice(1));
  }
  return undefined;
}

/** The template's path with its wildcards replaced, in order. */
function filled(path: readonly string[], values: readonly string[]): SettingPath {
  const rest = values.values();
  return path.map((key) => key === "*" ? rest.next().value ?? "" : key === "#" ? Number(rest.next().value) : key);
}

/** The settings with one more said. */
function withSetting(node: SettingNode | undefined, path: SettingPath, text: TextSetting): SettingNode {
  const { origin, schema } = text;
  const [step, ...rest] = path;
  if (step === undefined) return { kind: "scalar", value: text.value, isText: true, origin };
  const child = childSchema(schemaNode(schema), step) ?? schema;
  if (typeof step === "number") {
    const items = node?.kind === "list" ? [...node.items] : [];
    // An index past the end makes no hole: the item is appended, and the schema says what it lacks.
    const index = Math.min(step, items.length);
    items[index] = withSetting(items[index], rest, { ...text, schema: child });
    return { kind: "list", items, origin: node?.origin ?? origin };
  }
  const entries = new Map(node?.kind === "map" ? node.entries : defaultEntry(schema, step));
  const given = entries.get(step);
  const below = withSetting(given?.node, rest, { ...text, schema: child });
  entries.set(step, { keyOrigin: given?.keyOrigin ?? origin, node: below });
  return { kind: "map", entries, origin: node?.origin ?? origin };
}

interface TextSetting {
  readonly value: string;
  readonly origin: SettingOrigin;
  /** Of the node that the setting is laid into. */
  readonly schema: z.core.$ZodType;
}

/**
 * What an override builds on where nobody said anything: of a map with a default, the entry that it names, so that a
 * variable for the default source `events` changes that one instead of making another.
 */
function defaultEntry(schema: z.core.$ZodType, name: string): readonly [string, SettingEntry][] {
  const { base, defaultInput } = schemaNode(schema);
  if (base._zod.def.type !== "record" || defaultInput === undefined) return [];
  const defaults = settingTree(defaultInput, { kind: "default" });
  const entry = defaults.kind === "map" ? defaults.entries.get(name) : undefined;
  return entry === undefined ? [] : [[name, entry]];
}
