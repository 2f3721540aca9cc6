import type * as z from "zod";
import { schemaNode } from "./schema_node.ts";
import { childSchema } from "./setting_template.ts";
import {
  type SettingEntry,
  type SettingMap,
  type SettingNode,
  type SettingOrigin,
  settingTree,
} from "./setting_tree.ts";

/** Stands where a secret was given. */
export const REDACTED = "(secret)";

const DEFAULT: SettingOrigin = { kind: "default" };

/**
 * What holds, all in the words of the file: what was given, and the default of everything else, in the schema's order.
 * Secrets are redacted. What has no default and was not given is left out, unless the parsed configuration found a
 * value for it (the node's name, the source that is published to).
 *
 * @param parsed the parsed configuration, or the part of it that belongs to this schema
 */
export function effectiveSettings(
  given: SettingNode | undefined,
  schema: z.core.$ZodType,
  parsed: unknown,
): SettingNode {
  const expected = schemaNode(schema);
  const node = given ?? settingTree(expected.defaultInput ?? parsed ?? null, DEFAULT);
  const def = expected.base._zod.def;
  if (expected.traits.secret === true) return { kind: "scalar", value: REDACTED, isText: false, origin: node.origin };
  if (node.kind === "scalar") return node;
  if (node.kind === "list") {
    const items = node.items.map((item, index) => {
      const element = childSchema(expected, index);
      return element === undefined ? item : effectiveSettings(item, element, childValue(parsed, index));
    });
    return { ...node, items };
  }
  const keys = def.type === "object" ? Object.keys(def.shape) : [...node.entries.keys()];
  const entries = new Map<string, SettingEntry>();
  for (const key of keys) {
    const entry = node.entries.get(key);
    const child = childSchema(expected, key);
    if (child === undefined) {
      if (entry !== undefined) entries.set(key, entry);
      continue;
    }
    const value = childValue(parsed, key);
    const holdsNothing = entry === undefined && schemaNode(child).defaultInput === undefined && !isPlain(value);
    if (holdsNothing) continue;
    entries.set(key, {
      keyOrigin: entry?.keyOrigin ?? DEFAULT,
      node: effectiveSettings(entry?.node, child, value),
    });
  }
  return { ...node, entries } satisfies SettingMap;
}

function childValue(parsed: unknown, key: string | number): unknown {
  if (typeof parsed !== "object" || parsed === null || !Object.hasOwn(parsed, key)) return undefined;
  return Object.entries(parsed).find(([name]) => name === String(key))?.[1];
}

/** A value that reads the same in the file and in the program. */
function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean";
}
