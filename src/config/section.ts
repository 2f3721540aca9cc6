import * as z from "zod";
import type { Bytes } from "./byte_size.ts";
import type { Milliseconds } from "./duration.ts";
import type { SecretFile } from "./secret.ts";
import { traitsOf } from "./schema_node.ts";

/**
 * A block of settings: unknown keys are refused, and the result names its units: `heartbeat: 15s` becomes
 * `heartbeatMs: 15000`, `buffer: 64KiB` becomes `bufferBytes: 65536`, `maxBytes: 1MiB` keeps its name.
 *
 * Give a block that may be left out wholly `.prefault({})`, so that its own defaults apply.
 */
export function section<Shape extends z.core.$ZodShape>(shape: Shape) {
  const outputKeys = new Map(Object.entries(shape).map(([key, schema]) => [key, outputKey(key, schema)]));
  return z.strictObject(shape).transform((settings) => withUnits(settings, outputKeys));
}

/** Settings as the program reads them, each number's key saying its unit. */
export type WithUnits<Settings> = {
  [Key in keyof Settings as OutputKey<Key, NonNullable<Settings[Key]>>]: WithoutBrand<Settings[Key]>;
};

type OutputKey<Key, Value> = Key extends string ? [Value] extends [SecretFile] ? never
  : [Value] extends [Milliseconds] ? `${Key}Ms`
  : [Value] extends [Bytes] ? (Key extends `${string}Bytes` ? Key : `${Key}Bytes`)
  : Key
  : never;

type WithoutBrand<Value> = [NonNullable<Value>] extends [Milliseconds | Bytes] ? number | Extract<Value, undefined>
  : Value;

function outputKey(key: string, schema: z.core.$ZodType): string | undefined {
  const { unit, secretFile } = traitsOf(schema);
  if (secretFile === true) return undefined;
  if (unit === "ms") return `${key}Ms`;
  return unit === "bytes" && !key.endsWith("Bytes") ? `${key}Bytes` : key;
}

function withUnits<Settings extends object>(
  settings: Settings,
  outputKeys: ReadonlyMap<string, string | undefined>,
): WithUnits<Settings> {
  const renamed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    const name = outputKeys.get(key);
    if (name !== undefined) renamed[name] = value;
  }
  // The mapped type above says the same as `outputKey`; the compiler cannot follow a loop.
  return renamed as WithUnits<Settings>;
}
