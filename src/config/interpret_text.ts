import type * as z from "zod";
import { type SchemaNode, schemaNode } from "./schema_node.ts";
import { childSchema } from "./setting_template.ts";
import type { SettingNode, SettingScalar } from "./setting_tree.ts";

/**
 * Gives text from variables and flags the type that the schema wants there: `9000` becomes a number, `true` a
 * boolean, `a, b` a list. A section or map without a value (`streams:` with nothing below) counts as empty. What does
 * not fit stays as it is, for the schema to refuse.
 */
export function interpretText(node: SettingNode, schema: z.core.$ZodType): SettingNode {
  const expected = schemaNode(schema);
  switch (node.kind) {
    case "scalar":
      return interpretScalar(node, expected);
    case "list": {
      const items = node.items.map((item, index) => {
        const element = childSchema(expected, index);
        return element === undefined ? item : interpretText(item, element);
      });
      return { ...node, items };
    }
    case "map": {
      const entries = new Map(node.entries);
      for (const [key, entry] of node.entries) {
        const value = childSchema(expected, key);
        if (value !== undefined) entries.set(key, { ...entry, node: interpretText(entry.node, value) });
      }
      return { ...node, entries };
    }
  }
}

function interpretScalar(node: SettingScalar, expected: SchemaNode): SettingNode {
  const { type } = expected.base._zod.def;
  if (node.value === null && (type === "object" || type === "record")) {
    return { kind: "map", entries: new Map(), origin: node.origin };
  }
  if (!node.isText || typeof node.value !== "string") return node;
  const text = node.value.trim();
  if (type === "number" && /^-?[0-9]{1,15}(?:\.[0-9]{1,15})?$/.test(text)) return { ...node, value: Number(text) };
  if (type === "boolean" && (text === "true" || text === "false")) return { ...node, value: text === "true" };
  if (type !== "array") return node;
  const items = text.split(",").map((item) => item.trim()).filter((item) => item !== "");
  const element = childSchema(expected, 0);
  return {
    kind: "list",
    origin: node.origin,
    items: items.map((value) =>
      element === undefined ? { ...node, value } : interpretText({ ...node, value }, element)
    ),
  };
}
