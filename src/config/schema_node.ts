import * as z from "zod";
import { settingRegistry, type SettingTraits } from "./setting_registry.ts";

/**
 * A zod schema as the loader, the printer and the documents see it: what lies under the wrappers (default, optional,
 * transform), with what the wrappers said.
 */
export interface SchemaNode {
  /** The schema under every wrapper, as it reads the file's value. */
  readonly base: z.core.$ZodTypes;
  readonly description: string | undefined;
  readonly traits: SettingTraits;
  /** Whether the key may be left out. */
  readonly isOptional: boolean;
  /** As it would be written in the file; `undefined` when there is none. */
  readonly defaultInput: unknown;
}

/** Takes the wrappers off a schema. */
export function schemaNode(schema: z.core.$ZodType): SchemaNode {
  let description: string | undefined;
  let traits: SettingTraits = {};
  let isOptional = false;
  let defaultInput: unknown;
  // zod's base class has no `def` of its own kind; `$ZodTypes` is its documented union of all kinds.
  let current = schema as z.core.$ZodTypes;
  for (;;) {
    description ??= z.globalRegistry.get(current)?.description;
    traits = { ...settingRegistry.get(current), ...traits };
    const def = current._zod.def;
    if (def.type === "default" || def.type === "prefault") {
      isOptional = true;
      defaultInput ??= def.defaultValue;
      current = def.innerType as z.core.$ZodTypes;
    } else if (def.type === "optional") {
      isOptional = true;
      current = def.innerType as z.core.$ZodTypes;
    } else if (def.type === "readonly" || def.type === "nullable" || def.type === "catch") {
      current = def.innerType as z.core.$ZodTypes;
    } else if (def.type === "pipe") {
      current = def.in as z.core.$ZodTypes;
    } else if (def.type === "lazy") {
      current = def.getter() as z.core.$ZodTypes;
    } else {
      return { base: current, description, traits, isOptional, defaultInput };
    }
  }
}

/** The traits of a setting, however it is wrapped. */
export function traitsOf(schema: z.core.$ZodType): SettingTraits {
  return schemaNode(schema).traits;
}
