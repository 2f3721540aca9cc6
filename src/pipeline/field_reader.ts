import type { FieldPath } from "../config/mapping_template.ts";
import type { OpenedRecord } from "./opened_record.ts";
import { decodeText } from "./record_text.ts";

/** Reads one value; `at` is the object that data paths start from. `undefined`: there is none. */
export type FieldReader = (opened: OpenedRecord, at: unknown) => unknown;

/** Compiles a path. Array expansion is the caller's: segments after it are read from each element. */
export function compileReader(path: FieldPath): FieldReader {
  const [first = ""] = path.segments;
  switch (path.origin) {
    case "key":
      return (opened) => opened.record.key === null ? undefined : decodeText(opened.record.key);
    case "header":
      return (opened) => {
        const bytes = opened.record.headers.get(first);
        return bytes === undefined ? undefined : decodeText(bytes);
      };
    case "envelope":
      return (opened) => opened.envelope?.(first);
    case "data":
      return compileWalk(path.segments);
  }
}

/** Compiles the walk along the segments, from the value given. */
export function compileWalk(segments: readonly string[]): FieldReader {
  const [first, second] = segments;
  if (first === undefined) return (_opened, at) => at;
  if (second === undefined) return (_opened, at) => member(at, first);
  if (segments.length === 2) return (_opened, at) => member(member(at, first), second);
  return (_opened, at) => segments.reduce(member, at);
}

const INDEX = /^(?:0|[1-9][0-9]{0,8})$/;

/**
 * An own member of a parsed value. What Object.prototype lends are functions, which JSON never has, and `__proto__`,
 * which paths cannot name; so no check of ownership is needed.
 */
function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value) && !INDEX.test(name)) return undefined;
  // An object of JSON.parse has only string keys.
  const found = (value as Readonly<Record<string, unknown>>)[name];
  return typeof found === "function" ? undefined : found;
}
