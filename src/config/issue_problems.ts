import type * as z from "zod";
import { allowedValues } from "./allowed_values.ts";
import { closestWord } from "./closest_word.ts";
import type { ConfigProblem } from "./config_problem.ts";
import { type SchemaNode, schemaNode } from "./schema_node.ts";
import { schemaAt, settingTemplates } from "./setting_template.ts";
import { formatPath, nodeAt, originAt, type SettingNode, type SettingPath, UNREAD } from "./setting_tree.ts";

type Issue = z.core.$ZodIssue;

/** Says what a schema refused in the words of the file: where, what is wrong, what is allowed, what was meant. */
export function issueProblems(
  issues: readonly Issue[],
  settings: SettingNode,
  schema: z.core.$ZodType,
): readonly ConfigProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, pathOf(issue), { settings, schema }));
}

interface Context {
  readonly settings: SettingNode;
  readonly schema: z.core.$ZodType;
}

function problemsOf(issue: Issue, path: SettingPath, context: Context): readonly ConfigProblem[] {
  const { settings } = context;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, path, context));
    case "invalid_key":
      return [problem(context, path, issue.issues[0]?.message ?? issue.message, "key")];
    case "invalid_union": {
      const branch = fittingBranch(issue.errors);
      if (branch !== undefined) {
        return branch.flatMap((inner) => problemsOf(inner, [...path, ...pathOf(inner)], context));
      }
      break;
    }
    default:
  }
  const node = nodeAt(settings, path);
  if (node?.kind === "scalar" && node.value === UNREAD) return [];
  const expected = schemaAt(context.schema, path);
  const sentence = isOwnWording(issue) || expected === undefined ? issue.message : `must be ${allowedValues(expected)}`;
  if (node === undefined) {
    const isMissing = issue.code === "invalid_type" || issue.code === "invalid_value";
    return [problem(context, path, isMissing ? `is missing; it ${sentence}` : sentence)];
  }
  const suggestion = expected === undefined ? undefined : meantValue(node, expected);
  const found = sentence.startsWith("must ") && !sentence.includes("; it ") ? foundValue(node, expected) : "";
  return [{ ...problem(context, path, sentence + found), ...(suggestion === undefined ? {} : { suggestion }) }];
}

function unknownKey(key: string, path: SettingPath, context: Context): ConfigProblem {
  const section = schemaAt(context.schema, path);
  const known = section === undefined ? [] : keysOf(section);
  const owner = path.length === 0 ? "the configuration" : formatPath(path);
  const list = known.length <= MAX_LISTED_KEYS ? `; there are ${known.join(", ")}` : "";
  const suggestion = closestWord(key, known) ?? elsewhere(key, context.schema);
  return {
    ...problem(context, [...path, key], `is no setting of ${owner}${list}`, "key"),
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

const MAX_LISTED_KEYS = 24;

/** The one setting of that name in another section. */
function elsewhere(key: string, schema: z.core.$ZodType): string | undefined {
  const paths = settingTemplates(schema).map(({ path }) => path);
  const found = paths.find((path) => path.at(-1) === key && !path.includes("*") && !path.includes("#"));
  return found?.join(".");
}

function keysOf(node: SchemaNode): readonly string[] {
  const def = node.base._zod.def;
  if (def.type === "object") return Object.keys(def.shape);
  return def.type === "union" ? def.options.flatMap((option) => keysOf(schemaNode(option))) : [];
}

/** Of several branches the one that takes this kind of value, and objects least. */
function fittingBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = branches.filter((issues) =>
    issues.length > 0 && !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0)
  );
  return fitting.sort((left, right) => left.length - right.length)[0];
}

/** Whether the schema says it in its own words; zod's defaults speak of input, not of settings. */
function isOwnWording(issue: Issue): boolean {
  return !/^(?:Invalid|Too (?:big|small)|Unrecognized)/.test(issue.message);
}

/** `; it is 15`: the value as it was written, unless it is secret. */
function foundValue(node: SettingNode, expected: SchemaNode | undefined): string {
  if (node.kind !== "scalar") return `; it is a ${node.kind}`;
  const wantsText = expected?.base._zod.def.type === "string" && expected.traits.unit === undefined;
  const hint = wantsText && typeof node.value !== "string" && node.value !== null ? " (put it in quotes)" : "";
  if (expected?.traits.secret === true) return hint;
  if (node.written !== undefined) return `; it is ${JSON.stringify(node.written)} with its variables replaced`;
  const text = typeof node.value === "string" ? JSON.stringify(node.value) : String(node.value);
  return `; it is ${text.length > MAX_SHOWN_VALUE ? `${text.slice(0, MAX_SHOWN_VALUE)}…` : text}${hint}`;
}

const MAX_SHOWN_VALUE = 80;

function meantValue(node: SettingNode, expected: SchemaNode): string | undefined {
  if (node.kind !== "scalar" || typeof node.value !== "string" || expected.traits.secret === true) return undefined;
  const def = expected.base._zod.def;
  if (def.type === "enum") return closestWord(node.value, Object.values(def.entries).map(String));
  if (def.type !== "boolean") return undefined;
  // YAML 1.1 and people say yes; YAML 1.2 does not.
  if (/^(?:yes|on|y|true)$/i.test(node.value)) return "true";
  return /^(?:no|off|n|false)$/i.test(node.value) ? "false" : undefined;
}

function problem(context: Context, path: SettingPath, message: string, at: "value" | "key" = "value"): ConfigProblem {
  return { severity: "error", origin: originAt(context.settings, path, at), path: formatPath(path), message };
}

function pathOf(issue: Issue): SettingPath {
  return issue.path.map((step) => typeof step === "symbol" ? String(step) : step);
}
