import * as z from "zod";
import { traitsOf } from "./schema_node.ts";
import { configSchema } from "./schema.ts";

/** The configuration file as JSON Schema 2020-12, for editors and other tools. Defaults and units as they are written. */
export function jsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    target: "draft-2020-12",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema: target }) => {
      // What the language cannot count beyond is no limit of ours.
      if (target.maximum === Number.MAX_SAFE_INTEGER) delete target.maximum;
      if (target.minimum === Number.MIN_SAFE_INTEGER) delete target.minimum;
      if (traitsOf(zodSchema).secret === true) target.writeOnly = true;
    },
  });
  return { ...schema, title: "Tidegate configuration" };
}
