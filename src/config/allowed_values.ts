import * as z from "zod";
import { type SchemaNode, schemaNode } from "./schema_node.ts";

/** What a setting may be, as the end of a sentence: `a whole number from 0 to 65535`, `one of json, text`. */
export function allowedValues(node: SchemaNode): string {
  if (node.traits.allowed !== undefined) return node.traits.allowed;
  const def = node.base._zod.def;
  switch (def.type) {
    case "string":
      return "text";
    case "number":
      return numberRange(node);
    case "boolean":
      return "true or false";
    case "enum":
      return `one of ${Object.values(def.entries).join(", ")}`;
    case "literal":
      return def.values.length === 1 ? String(def.values[0]) : `one of ${def.values.map(String).join(", ")}`;
    case "array":
      return `a list, each item ${allowedValues(schemaNode(def.element))}`;
    case "object":
      return "a map of settings";
    case "record":
      return "a map of names";
    case "union":
      return [...new Set(def.options.map((option) => allowedValues(schemaNode(option))))].join(", or ");
    case "null":
      return "null";
    default:
      return "a value";
  }
}

function numberRange(node: SchemaNode): string {
  const { type, minimum, maximum } = z.toJSONSchema(node.base);
  const kind = type === "integer" ? "a whole number" : "a number";
  // An integer without a bound of its own still has the language's.
  const hasMax = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  const hasMin = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER;
  if (hasMin && hasMax) return `${kind} from ${minimum} to ${maximum}`;
  if (hasMin) return `${kind}, at least ${minimum}`;
  return hasMax ? `${kind}, at most ${maximum}` : kind;
}
