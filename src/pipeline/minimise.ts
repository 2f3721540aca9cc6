import type { SensitiveNames } from "../config/sensitive_names.ts";
import { exactNumber, isInexact, isRawNumber, parseExactJSON, stringifyExact } from "./exact_json.ts";
import { deadLetter } from "./mapping_outcome.ts";
import type { OpenedRecord } from "./opened_record.ts";

/** What may not be in a value that leaves. */
export interface MinimiseLimits {
  /** Names to remove at any depth; `undefined` where the configuration says `expose: sensitive`. */
  readonly isSensitive: SensitiveNames | undefined;
  readonly maxDepth: number;
}

const BRACE = 0x7b;
const BRACKET = 0x5b;
const QUOTE = 0x22;

/**
 * A copy of the whole value that may leave: without sensitive names (at any depth, in arrays, in JSON inside text)
 * and without `__proto__`, which would poison a client that merges objects. Integers keep their exact digits.
 *
 * @throws Unmappable too-deep
 */
export function minimise(value: unknown, opened: OpenedRecord, limits: MinimiseLimits, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      return minimiseText(value, opened, limits, depth);
    case "number":
      if (isInexact(value)) opened.isInexact = true;
      return value;
    case "bigint":
      return exactNumber(value);
    case "object":
      if (value === null || isRawNumber(value)) return value;
      if (depth >= limits.maxDepth) throw deadLetter("too-deep", `a value is nested deeper than ${limits.maxDepth}`);
      return Array.isArray(value)
        ? value.map((element: unknown) => minimise(element, opened, limits, depth + 1))
        : minimiseObject(value, opened, limits, depth);
    default:
      return value;
  }
}

/** The text, less the sensitive names of the JSON that it may be; most text is not and costs one look. */
export function minimiseText(text: string, opened: OpenedRecord, limits: MinimiseLimits, depth = 0): unknown {
  if (limits.isSensitive === undefined || !mayBeJSON(text)) return text;
  const { isSensitive } = limits;
  if (depth >= limits.maxDepth) throw deadLetter("too-deep", `JSON text is nested deeper than ${limits.maxDepth}`);
  let inner: unknown;
  try {
    inner = parseExactJSON(text.trim());
  } catch {
    // Cut or broken JSON: nobody can say what is in it beyond its names, so one of them withholds all of it.
    return namesIn(text).some(isSensitive) ? undefined : text;
  }
  const clean = stringifyExact(minimise(inner, opened, limits, depth + 1));
  // Text that names nothing sensitive stays as the producer spaced it. The names are asked too, because an object that
  // has one key twice shows its reader only the last.
  return clean === stringifyExact(inner) && !namesIn(text).some(isSensitive) ? text : clean;
}

function minimiseObject(value: object, opened: OpenedRecord, limits: MinimiseLimits, depth: number): object {
  const clean: Record<string, unknown> = {};
  // Faster than entries; an object of JSON.parse has only string keys.
  for (const name of Object.keys(value)) {
    if (name === "__proto__" || limits.isSensitive?.(name)) continue;
    clean[name] = minimise((value as Readonly<Record<string, unknown>>)[name], opened, limits, depth + 1);
  }
  return clean;
}

function mayBeJSON(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first === BRACE || first === BRACKET || first === QUOTE) return true;
  return first <= 0x20 || first === 0xfeff ? /^[\s\ufeff]*[{["]/.test(text) : false;
}

/**
 * What stands between two quotes and before a colon, in text that may be cut, broken or JSON within JSON: every quote is
 * taken for an end and a beginning, because nobody can say which it is. Linear in the text.
 */
function namesIn(text: string): readonly string[] {
  const pieces = text.split('"');
  return pieces.filter((_, index) => index > 0 && /^[\s\\]*:/.test(pieces[index + 1] ?? "")).map((name) =>
    name.replace(/\\+u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  );
}
