import * as z from "zod";
import { EVENT_SCHEMAS } from "../model/events.ts";
import { PRIORITIES } from "../model/sse_message.ts";
import { fieldsSchema, scalarSchema } from "./mapping_field_schema.ts";
import { eventName, fieldPath, scopeTemplate, sourceName, textTemplate } from "./mapping_text.ts";

const conditionSchema = z.union([
  scalarSchema,
  z.array(scalarSchema).min(1).max(256),
  z.strictObject({
    exists: z.boolean()
      .describe("Whether the field must be there and not null."),
  }),
], { error: "must be a value, a list of values, or {exists: true} or {exists: false}" });

const eventSchema = z.union([
  eventName(),
  z.strictObject({
    from: fieldPath()
      .describe("Path of the value that decides, such as `$envelope.type`."),
    table: z.record(z.string(), eventName())
      .describe("Value → event name."),
    default: eventName().exactOptional()
      .describe("For values that the table does not have; without it they are dead letters."),
  }),
], { error: "must be an event's name, or an object with from and table" });

/** One rule: for which records, which event, for whom, with which fields. */
export const mappingRuleSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, { error: "must be 1 to 64 of a-z 0-9 -" })
    .describe("Names the rule in metrics, logs and `tidegate map`; unique."),
  source: z.union([sourceName(), z.array(sourceName()).min(1)], { error: "must be a source's name, or a list of them" })
    .describe("Whose records the rule is for."),
  when: z.record(fieldPath(), conditionSchema).default({})
    .describe(
      "Conditions that must all hold: path → a value, a list of values, or `{exists: true|false}`. None: every record.",
    ),
  drop: z.literal(true).exactOptional()
    .describe("`true`: records of this rule go nowhere; they are counted under its name."),
  event: eventSchema.exactOptional()
    .describe("The event's name, or a table that finds it."),
  scope: z.union([scopeTemplate(true), z.array(scopeTemplate(true)).min(1).max(16)], {
    error: "must be a scope template, or a list of them",
  }).exactOptional()
    .describe(
      "Who is addressed: `user:{user_id}`, several templates, or one for each element of an array: `user:{member_ids[]}`. A field that is missing, empty, or no text or integer withholds the record from everyone.",
    ),
  audience: z.union([scopeTemplate(false), z.array(scopeTemplate(false)).max(16)], {
    error: "must be a scope template, or a list of them",
  }).default([])
    .describe("Scopes that a reader must all hold besides the scope. A missing field withholds the record, as above."),
  fields: fieldsSchema.default({})
    .describe(
      "The allow-list: sent name → path, or an object with from, template or const. Nothing else leaves. Null counts as missing.",
    ),
  version: z.int().min(1).max(1_000_000).default(1)
    .describe("Version of the shape of `data`."),
  priority: z.enum(PRIORITIES).default("normal")
    .describe("`low` is what a slow reader loses first; it is told."),
  conflationKey: textTemplate().exactOptional()
    .describe(
      "In a full send queue a newer message replaces an older one of the same event, scope and key. No key when a field is missing.",
    ),
  time: fieldPath().exactOptional()
    .describe(
      "Path of the time it happened: RFC 3339 text or milliseconds since 1970. Without it: the envelope's, else the record's own.",
    ),
  validate: z.boolean().default(false)
    .describe("Checks `data` against the built-in schema of the event; what does not fit is a dead letter."),
}).superRefine((rule, context) => {
  if (rule.drop === true) {
    const vain = (["event", "scope", "conflationKey", "time"] as const).filter((key) => rule[key] !== undefined);
    if (vain.length > 0) context.addIssue(`must not have ${vain.join(", ")} together with drop: true`);
    return;
  }
  if (rule.event === undefined || rule.scope === undefined) {
    context.addIssue("must have event and scope, or drop: true");
  }
  if (!rule.validate) return;
  for (const name of eventNamesOf(rule)) {
    if (Object.hasOwn(EVENT_SCHEMAS, name)) continue;
    context.addIssue({ code: "custom", path: ["validate"], message: `must be false: ${name} has no built-in schema` });
  }
});

/** One rule, checked and with its defaults. */
export type MappingRule = z.output<typeof mappingRuleSchema>;

/** Every event name that the rule can give. */
export function eventNamesOf(rule: Pick<MappingRule, "event">): readonly string[] {
  if (rule.event === undefined) return [];
  if (typeof rule.event === "string") return [rule.event];
  const { table, default: fallback } = rule.event;
  return [...new Set([...Object.values(table), ...(fallback === undefined ? [] : [fallback])])];
}
