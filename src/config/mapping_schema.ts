import { z } from "zod";
import { EVENT_SCHEMAS } from "../model/events.ts";
import { isEventName } from "../model/event_name.ts";
import { SOURCE_NAME } from "../model/position.ts";
import { parseScope } from "../model/scope.ts";
import { PRIORITIES } from "../model/sse_message.ts";
import {
  type FieldPath,
  parseFieldPath,
  parseScopeTemplate,
  parseTemplate,
  type Template,
} from "./mapping_template.ts";
import { createSensitiveNames, DEFAULT_SENSITIVE_NAMES, type SensitiveNames } from "./sensitive_names.ts";

/** How the records of a source are to be read; belongs into each source's section. */
export const RECORD_FORMATS = ["auto", "json", "cloudevents", "debezium-outbox", "tidegate"] as const;
/** One of {@link RECORD_FORMATS}. */
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** The `format` key of a source. */
export const recordFormatSchema = z.enum(RECORD_FORMATS).default("auto").describe(
  "How a record's value is read. `json`: the value is the data. `cloudevents`: structured or binary (`ce_` headers). " +
    "`debezium-outbox`: the outbox event router's records, or raw change records. `auto`: whichever of these three it " +
    "is. `tidegate`: what POST /api/v1/events writes; such a record names its own event and scopes, so set it only " +
    "where nobody but the gateway can write.",
);

const pathSchema = z.string().superRefine((text, context) => {
  const path = parseFieldPath(text);
  if ("problem" in path) context.addIssue(`${JSON.stringify(text)} ${path.problem}`);
});

const textTemplateSchema = z.string().min(1).max(1_024).superRefine((text, context) => {
  const template = parseTemplate(text);
  if ("problem" in template) context.addIssue(`${JSON.stringify(text)} ${template.problem}`);
});

function scopeTemplateSchema(expandable: boolean) {
  return z.string().superRefine((text, context) => {
    const template = parseScopeTemplate(text, expandable);
    if ("problem" in template) context.addIssue(`${JSON.stringify(text)} ${template.problem}`);
    else if (template.paths.length === 0 && parseScope(text) === undefined) {
      context.addIssue(`${JSON.stringify(text)} is not a scope; write global, or kind:id such as user:{user_id}`);
    }
  });
}

const eventNameSchema = z.string().refine(isEventName, {
  error: (issue) =>
    `${JSON.stringify(issue.input)} is not an event name; write domain.action-past in lower case, such as ` +
    "task.progress-updated (the domain stream is the gateway's own)",
});

const ruleNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "use 1 to 64 of a-z 0-9 - for a rule's name");
const sourceNameSchema = z.string().regex(SOURCE_NAME, "use 1 to 64 of a-z 0-9 _ . - for a source's name");
const scalarSchema = z.union([z.string(), z.number(), z.boolean()], { error: "write text, a number, true or false" });
const scalarsSchema = z.array(scalarSchema).min(1).max(256);

const conditionSchema = z.union([scalarSchema, scalarsSchema, z.strictObject({ exists: z.boolean() })], {
  error: "write a value, a list of values, or {exists: true|false}",
});

/** One value a rule sends. */
export type FieldSpec = string | FieldDetail;

/** The long form of a {@link FieldSpec}. */
export interface FieldDetail {
  readonly from?: string | undefined;
  readonly template?: string | undefined;
  readonly const?: string | number | boolean | null | undefined;
  readonly as?: "string" | "number" | "integer" | "boolean" | undefined;
  readonly table?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly default?: string | number | boolean | null | undefined;
  readonly maxLength?: number | undefined;
  readonly fields?: Readonly<Record<string, FieldSpec>> | undefined;
  readonly deep?: boolean | undefined;
  readonly expose?: "sensitive" | undefined;
}

const outNameSchema = z.string().regex(/^(?!__proto__$)[A-Za-z_][A-Za-z0-9_-]{0,63}$/, {
  error: "a sent field's name is 1 to 64 of a-z A-Z 0-9 _ - and begins with a letter",
});

const fieldDetailSchema = z.strictObject({
  from: pathSchema.optional().describe("Path of the value in the record's data."),
  template: textTemplateSchema.optional().describe("Text with paths in braces; missing when one of them is missing."),
  const: z.union([scalarSchema, z.null()]).optional().describe("The same value for every record."),
  as: z.enum(["string", "number", "integer", "boolean"]).optional().describe(
    "Converts; what cannot be converted without loss counts as missing. `string` keeps integers above 2^53 exact in browsers.",
  ),
  table: z.record(z.string(), scalarSchema).optional().describe(
    "Replaces the value by the table's; a value that is not in the table counts as missing.",
  ),
  default: z.union([scalarSchema, z.null()]).optional().describe("Sent when the value is missing or null."),
  maxLength: z.int().min(1).max(1_048_576).optional().describe(
    "Cuts longer text, in UTF-16 code units, and ends it with …",
  ),
  get fields(): z.ZodOptional<z.ZodRecord<typeof outNameSchema, z.ZodType<FieldSpec>>> {
    return z.record(outNameSchema, fieldSpecSchema).optional().describe(
      "The allow-list of a nested object, or of each object in an array; paths are relative to it.",
    );
  },
  deep: z.boolean().optional().describe(
    "true sends a nested value as a whole, less its sensitive names; without it or `fields`, nested objects never leave.",
  ),
  expose: z.literal("sensitive").optional().describe("Sends the value although a name in it is sensitive."),
}).superRefine((field, context) => {
  const origins = [field.from, field.template, field.const].filter((origin) => origin !== undefined).length;
  if (origins !== 1) context.addIssue("needs exactly one of from, template, const");
  if (field.fields !== undefined && field.from === undefined) context.addIssue("fields needs from");
  if (field.deep !== undefined && field.from === undefined) context.addIssue("deep needs from");
  if (field.fields !== undefined && (field.deep || field.as || field.table)) {
    context.addIssue("fields excludes deep, as and table");
  }
});

const fieldSpecSchema: z.ZodType<FieldSpec> = z.union([pathSchema, fieldDetailSchema], {
  error: (issue) => unionProblem(issue, "write the path of a field, or an object with from, template or const"),
});

const fieldsSchema = z.record(outNameSchema, fieldSpecSchema).refine((fields) => Object.keys(fields).length <= 256, {
  error: "at most 256 fields",
});

const eventSchema = z.union([
  eventNameSchema,
  z.strictObject({
    from: pathSchema.describe("Path of the value that decides, such as $envelope.type."),
    table: z.record(z.string(), eventNameSchema).describe("Value → event name."),
    default: eventNameSchema.optional().describe("For values that are not in the table; none: they are dead letters."),
  }),
], { error: (issue) => unionProblem(issue, "write an event's name, or an object with from and table") });

const ruleSchema = z.strictObject({
  name: ruleNameSchema.describe("Names the rule in metrics, logs and `tidegate map`; unique."),
  source: z.union([sourceNameSchema, z.array(sourceNameSchema).min(1)]).describe("Whose records the rule is for."),
  when: z.record(pathSchema, conditionSchema).default({}).describe(
    "Conditions that must all hold: path → a value, a list of values, or {exists: true|false}. None: every record.",
  ),
  drop: z.literal(true).optional().describe("Records of this rule go nowhere; counted under its name."),
  event: eventSchema.optional().describe("The event's name, or a table that finds it."),
  scope: z.union([scopeTemplateSchema(true), z.array(scopeTemplateSchema(true)).min(1).max(16)], {
    error: (issue) => unionProblem(issue, "write a scope template or a list of them"),
  }).optional().describe(
    "Who is addressed: `user:{user_id}`, several templates, or one for each element of an array: `user:{member_ids[]}`. " +
      "A field that is missing, empty or no text or integer withholds the record from everyone.",
  ),
  audience: z.union([scopeTemplateSchema(false), z.array(scopeTemplateSchema(false)).max(16)], {
    error: (issue) => unionProblem(issue, "write a scope template or a list of them"),
  }).default([]).describe("Scopes that a reader must all hold besides the scope. Missing fields withhold, as above."),
  fields: fieldsSchema.default({}).describe(
    "The allow-list: sent name → path, or {from|template|const, …}. Nothing else of the record leaves. Null counts as missing.",
  ),
  version: z.int().min(1).max(1_000_000).default(1).describe("Version of the shape of `data`."),
  priority: z.enum(PRIORITIES).default("normal").describe("`low` is what a slow reader loses first, announced."),
  conflationKey: textTemplateSchema.optional().describe(
    "In a full send queue a newer message replaces an older one of the same event, scope and key; none when a field is missing.",
  ),
  time: pathSchema.optional().describe(
    "Path of the time it happened: RFC 3339 text or milliseconds since 1970. Default: the envelope's, else the record's own.",
  ),
  validate: z.boolean().default(false).describe(
    "Checks `data` against the built-in schema of the event; failures are dead letters.",
  ),
}).superRefine((rule, context) => {
  if (rule.drop === true) {
    const vain = (["event", "scope", "conflationKey", "time"] as const).filter((key) => rule[key] !== undefined);
    if (vain.length > 0) context.addIssue(`drop: true excludes ${vain.join(", ")}`);
    return;
  }
  if (rule.event === undefined) context.addIssue({ code: "custom", message: "needs an event", path: ["event"] });
  if (rule.scope === undefined) context.addIssue({ code: "custom", message: "needs a scope", path: ["scope"] });
  if (!rule.validate) return;
  for (const name of eventNamesOf(rule)) {
    if (name in EVENT_SCHEMAS) continue;
    context.addIssue({ code: "custom", path: ["validate"], message: `there is no built-in schema of ${name}` });
  }
});

/** One rule of the section `mappings`. */
export type MappingRule = z.infer<typeof ruleSchema>;

/** The section `mappings`: which records become which events, for whom, with which fields. */
export const mappingSchema = z.strictObject({
  rules: z.array(ruleSchema).max(1_000).default([]).describe(
    "Tried in order for each record; the first that matches wins.",
  ),
  unmatched: z.enum(["dead-letter", "drop"]).default("dead-letter").describe(
    "What becomes of a record that no rule matches. Both are counted.",
  ),
  sensitiveNames: z.array(z.string().regex(/[\p{L}\p{N}]/u, "a name needs a letter or digit").max(64)).max(256)
    .default([...DEFAULT_SENSITIVE_NAMES]).describe(
      "Names that never leave unless a field says `expose: sensitive`, compared word by word without case: `token` covers " +
        "`accessToken`, `API-Token` and `tokens`. Refused when listed, removed from values sent with `deep`, also inside JSON text.",
    ),
  exposePublished: z.boolean().default(false).describe(
    "true lets sensitive names pass in what POST /api/v1/events publishes (sources of the format tidegate).",
  ),
  maxRecordBytes: z.int().min(1_024).max(67_108_864).default(2_097_152).describe(
    "Larger values are dead letters, unread. The default, 2 MiB, is twice what Kafka takes by default.",
  ),
  maxDepth: z.int().min(1).max(256).default(32).describe("Sent values nested deeper are dead letters."),
  maxScopesPerRecord: z.int().min(1).max(10_000).default(1_000).describe(
    "A record that addresses more scopes is a dead letter: one record must not become a flood.",
  ),
  deadLetter: z.strictObject({
    source: sourceNameSchema.optional().describe(
      "Configured source whose log takes dead letters. It is not followed and no rule may read it. None: they are only logged.",
    ),
    maxOriginalBytes: z.int().min(0).max(1_048_576).default(65_536).describe(
      "At most so many bytes of the original value are kept in a dead letter (and a quarter of it for key and headers).",
    ),
  }).prefault({}).describe("Records that cannot be mapped. The log gets identity and reason, never content."),
}).superRefine((mappings, context) => {
  const names = new Set<string>();
  const isSensitive = createSensitiveNames(mappings.sensitiveNames);
  mappings.rules.forEach((rule, index) => {
    const at = ["rules", index];
    if (names.has(rule.name)) {
      context.addIssue({ code: "custom", path: [...at, "name"], message: `two rules are named ${rule.name}` });
    }
    names.add(rule.name);
    for (const problem of sensitiveProblems(rule, isSensitive)) {
      context.addIssue({ code: "custom", path: [...at, ...problem.path], message: problem.message });
    }
    if (mappings.deadLetter.source !== undefined && [rule.source].flat().includes(mappings.deadLetter.source)) {
      context.addIssue({
        code: "custom",
        path: [...at, "source"],
        message: "takes the dead letters; no rule may read it",
      });
    }
  });
});

/** The section `mappings`, checked and with its defaults. */
export type Mappings = z.infer<typeof mappingSchema>;

/** A problem of the section `mappings`: where (keys and indexes from the section down) and what. */
export interface MappingProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The relations of the section to the configured sources, which one section's schema cannot see. */
export function findUnknownSources(mappings: Mappings, sources: ReadonlySet<string>): readonly MappingProblem[] {
  const known = [...sources].join(", ");
  const problems: MappingProblem[] = [];
  mappings.rules.forEach((rule, index) => {
    for (const source of [rule.source].flat()) {
      if (sources.has(source)) continue;
      problems.push({ path: ["rules", index, "source"], message: `no source is named ${source}; there are: ${known}` });
    }
  });
  const target = mappings.deadLetter.source;
  if (target !== undefined && !sources.has(target)) {
    problems.push({ path: ["deadLetter", "source"], message: `no source is named ${target}; there are: ${known}` });
  }
  return problems;
}

/** Every event name that the rule can give. */
export function eventNamesOf(rule: Pick<MappingRule, "event">): readonly string[] {
  if (rule.event === undefined) return [];
  if (typeof rule.event === "string") return [rule.event];
  return [
    ...new Set([...Object.values(rule.event.table), ...(rule.event.default === undefined ? [] : [rule.event.default])]),
  ];
}

function sensitiveProblems(rule: MappingRule, isSensitive: SensitiveNames): readonly MappingProblem[] {
  const problems: MappingProblem[] = [];
  const check = (
    path: readonly (string | number)[],
    text: string,
    read: Template | FieldPath | { problem: string },
  ) => {
    if ("problem" in read) return;
    const paths = "paths" in read ? read.paths : [read];
    const name = paths.flatMap((each) => each.segments).find(isSensitive);
    if (name === undefined) return;
    problems.push({
      path,
      message: `${
        JSON.stringify(text)
      } reads the sensitive name ${name}; leave it out, or say expose: sensitive in fields`,
    });
  };
  for (const key of ["scope", "audience"] as const) {
    for (const text of [rule[key] ?? []].flat()) check([key], text, parseScopeTemplate(text, true));
  }
  if (rule.conflationKey !== undefined) {
    check(["conflationKey"], rule.conflationKey, parseTemplate(rule.conflationKey));
  }
  checkFields(rule.fields, ["fields"]);
  return problems;

  function checkFields(fields: Readonly<Record<string, FieldSpec>>, at: readonly (string | number)[]): void {
    for (const [name, spec] of Object.entries(fields)) {
      const path = [...at, name];
      if (typeof spec === "object" && spec.expose === "sensitive") continue;
      if (isSensitive(name)) {
        problems.push({ path, message: `${name} is a sensitive name; leave it out, or say expose: sensitive` });
      }
      if (typeof spec === "string") check(path, spec, parseFieldPath(spec));
      else if (spec.from !== undefined) check([...path, "from"], spec.from, parseFieldPath(spec.from));
      else if (spec.template !== undefined) check([...path, "template"], spec.template, parseTemplate(spec.template));
      if (typeof spec === "object" && spec.fields !== undefined) checkFields(spec.fields, [...path, "fields"]);
    }
  }
}

/** A union's own message says nothing when the fitting branch has something to say: its first problem. */
function unionProblem(issue: z.core.$ZodRawIssue, fallback: string): string {
  if (issue.code !== "invalid_union") return fallback;
  const isText = typeof issue.input === "string";
  for (const branch of issue.errors) {
    const first = branch[0];
    if (first === undefined || (first.code === "invalid_type" && first.path.length === 0)) continue;
    if (isText || typeof issue.input === "object") {
      return [first.path.join("."), first.message].filter(Boolean).join(": ");
    }
  }
  return fallback;
}
