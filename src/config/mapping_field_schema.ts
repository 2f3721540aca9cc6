import * as z from "zod";
import { fieldPath, textTemplate } from "./mapping_text.ts";

/** One value a rule sends: the path of a field, or more. */
export type FieldSpec = string | FieldDetail;

/** The long form of a {@link FieldSpec}; exactly one of `from`, `template`, `const`. */
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

/** Text, a number, true or false. */
export const scalarSchema = z.union([z.string(), z.number(), z.boolean()], {
  error: "must be text, a number, true or false",
});

const outName = z.string().regex(/^(?!__proto__$)[A-Za-z_][A-Za-z0-9_-]{0,63}$/, {
  error: "must be a sent field's name: 1 to 64 of A-Z a-z 0-9 _ -, first a letter",
});

const fieldDetailSchema = z.strictObject({
  from: fieldPath().exactOptional()
    .describe("Path of the value in the record's data."),
  template: textTemplate().exactOptional()
    .describe("Text with paths in braces; missing when the value of one of them is."),
  const: z.union([scalarSchema, z.null()]).exactOptional()
    .describe("The same value for every record."),
  as: z.enum(["string", "number", "integer", "boolean"]).exactOptional()
    .describe(
      "Converts. What cannot be converted without loss counts as missing. `string` keeps integers above 2^53 exact in browsers too.",
    ),
  table: z.record(z.string(), scalarSchema).exactOptional()
    .describe("Replaces the value by the table's; a value that the table does not have counts as missing."),
  default: z.union([scalarSchema, z.null()]).exactOptional()
    .describe("Sent when the value is missing or null."),
  maxLength: z.int().min(1).max(1_048_576).exactOptional()
    .describe("Cuts longer text, in UTF-16 code units, and ends it with …"),
  get fields() {
    return fieldsSchema.exactOptional()
      .describe("The allow-list of a nested object, or of each object in an array; paths are relative to it.");
  },
  deep: z.boolean().exactOptional()
    .describe(
      "`true` sends a nested value as a whole, less its sensitive names. Without it or `fields`, nested objects never leave.",
    ),
  expose: z.literal("sensitive").exactOptional()
    .describe("Sends the value although a name in it is sensitive."),
}).superRefine((field, context) => {
  const origins = [field.from, field.template, field.const].filter((origin) => origin !== undefined).length;
  if (origins !== 1) context.addIssue("must have exactly one of from, template, const");
  const nested = (["fields", "deep"] as const).filter((key) => field[key] !== undefined);
  if (nested.length > 0 && field.from === undefined) context.addIssue(`must have from, where it has ${nested[0]}`);
  const vain = (["deep", "as", "table", "maxLength"] as const).filter((key) => field[key] !== undefined);
  if (field.fields !== undefined && vain.length > 0) {
    context.addIssue(`must not have fields together with ${vain.join(", ")}`);
  }
});

/** An allow-list: sent name → what is sent. */
export const fieldsSchema: z.ZodType<Readonly<Record<string, FieldSpec>>, Readonly<Record<string, FieldSpec>>> = z
  .record(outName, z.lazy(() => fieldSpecSchema))
  .refine((fields) => Object.keys(fields).length <= 256, { error: "must be at most 256 fields" });

const fieldSpecSchema: z.ZodType<FieldSpec, FieldSpec> = z.union([fieldPath(), fieldDetailSchema], {
  error: "must be the path of a field, or an object with from, template or const",
});
