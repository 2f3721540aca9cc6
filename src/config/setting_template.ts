import type * as z from "zod";
import { type SchemaNode, schemaNode } from "./schema_node.ts";
import type { SettingPath } from "./setting_tree.ts";

/** One setting that can be written as text: by a variable, by a flag. */
export interface SettingTemplate {
  /**
   * Keys from the root down. `*` stands for a name that the configuration chooses, such as a source's; `#` for an
   * index, from 0.
   */
  readonly path: readonly string[];
  readonly node: SchemaNode;
}

/** Every setting that can be written as text, in the order of the schema. */
export function settingTemplates(schema: z.core.$ZodType, path: readonly string[] = []): readonly SettingTemplate[] {
  const node = schemaNode(schema);
  const def = node.base._zod.def;
  if (def.type === "object") {
    return Object.entries(def.shape).flatMap(([key, child]) => settingTemplates(child, [...path, key]));
  }
  if (def.type === "record") {
    // A map of plain values has no fixed part after the name: a misspelt variable would become an entry.
    const value = schemaNode(def.valueType);
    return value.base._zod.def.type === "object" ? settingTemplates(def.valueType, [...path, "*"]) : [];
  }
  if (def.type === "array" && schemaNode(def.element).base._zod.def.type === "object") {
    return settingTemplates(def.element, [...path, "#"]);
  }
  return isText(node) ? [{ path, node }] : [];
}

/** The environment variable of a setting: `streams.sendQueue.maxFrames` is `TIDEGATE_STREAMS_SEND_QUEUE_MAX_FRAMES`. */
export function variableName(path: readonly string[]): string {
  return VARIABLE_PREFIX + path.map((key) => WILDCARDS.get(key) ?? variablePart(key)).join("_");
}

const WILDCARDS: ReadonlyMap<string, string> = new Map([["*", "<NAME>"], ["#", "<N>"]]);

/** What every variable of ours begins with. */
export const VARIABLE_PREFIX = "TIDEGATE_";

/** One key as it stands in a variable's name. */
export function variablePart(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/[^A-Za-z0-9]/g, "_").toUpperCase();
}

/** The schema of what stands at a path; `undefined` where the configuration has no such place. */
export function schemaAt(schema: z.core.$ZodType, path: SettingPath): SchemaNode | undefined {
  let node = schemaNode(schema);
  for (const step of path) {
    const child = childSchema(node, step);
    if (child === undefined) return undefined;
    node = schemaNode(child);
  }
  return node;
}

/** The schema of one key or index; of several branches the first that has it. */
export function childSchema(node: SchemaNode, step: string | number): z.core.$ZodType | undefined {
  const def = node.base._zod.def;
  switch (def.type) {
    case "object":
      return Object.hasOwn(def.shape, String(step)) ? def.shape[String(step)] : undefined;
    case "record":
      return def.valueType;
    case "array":
      return def.element;
    case "union":
      return def.options.map((option) => childSchema(schemaNode(option), step)).find((child) => child !== undefined);
    default:
      return undefined;
  }
}

function isText(node: SchemaNode): boolean {
  const def = node.base._zod.def;
  switch (def.type) {
    case "string":
    case "number":
    case "boolean":
    case "enum":
    case "literal":
      return true;
    case "array":
      return isText(schemaNode(def.element));
    case "union":
      return def.options.some((option) => isText(schemaNode(option)));
    default:
      return false;
  }
}
