/** JSON Schema 2020-12, as OpenAPI 3.1 and AsyncAPI 3.0 take it. */
export type JSONSchema = Readonly<Record<string, unknown>>;

/** An object with these members, all there but the optional ones. */
export function object(properties: Readonly<Record<string, JSONSchema>>, optional: readonly string[] = []): JSONSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

/** A text that means this. */
export function text(description: string): JSONSchema {
  return { type: "string", description };
}

/** A whole number that means this. */
export function count(description: string): JSONSchema {
  return { type: "integer", description };
}

/** A value of the type, or nothing. */
export function orNull(type: string, description: string): JSONSchema {
  return { type: [type, "null"], description };
}

/** Any number of the items. */
export function listOf(items: JSONSchema, description: string): JSONSchema {
  return { type: "array", items, description };
}

/** RFC 3339. */
export const TIME: JSONSchema = { type: "string", format: "date-time" };
