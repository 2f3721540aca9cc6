/**
 * The two small notations of mapping rules. Nothing in them is evaluated: a path only names a field, a template only
 * joins text.
 *
 *     novel.owner.id          a field of the record's data
 *     members[].id            each element's `id` (scope templates only)
 *     $key, $header.tenant    the record's key, one of its headers
 *     $envelope.type          what a CloudEvents or outbox envelope says: id, type, source, subject, time, …
 *     user:{novel.owner.id}   a template: text with paths in braces
 */

/** Where a value is read from. */
export interface FieldPath {
  /** As the configuration has it; safe in a label, because no input is in it. */
  readonly text: string;
  readonly origin: "data" | "key" | "header" | "envelope";
  /** Names from the outside in; of a header or an envelope attribute, one. */
  readonly segments: readonly string[];
  /** After how many segments an array is expanded (`members[].id`: 1); `undefined` when none is. */
  readonly expandAfter: number | undefined;
}

/** Text around paths: one literal more than paths. */
export interface Template {
  readonly text: string;
  readonly literals: readonly string[];
  readonly paths: readonly FieldPath[];
}

/** Text that is not what it should be, and why; the reason completes a sentence that starts with the text. */
export interface SyntaxProblem {
  readonly problem: string;
}

/** Deeper paths are refused; no record that people work with needs them. */
export const MAX_PATH_SEGMENTS = 16;

// deno-lint-ignore no-control-regex -- control characters would break labels and log lines
const SEGMENT = /^[^\s\u0000-\u001f\u007f.{}[\]*$,"'`]{1,64}$/u;

/** Reads a path; `members[].id` is accepted only when `expandable`. */
export function parseFieldPath(text: string, expandable = false): FieldPath | SyntaxProblem {
  if (text === "$key") return { text, origin: "key", segments: [], expandAfter: undefined };
  const named = /^\$(header|envelope)\.(.+)$/.exec(text);
  if (named?.[1] !== undefined && named[2] !== undefined) {
    if (!named[2].split(".").every((part) => SEGMENT.test(part))) return { problem: "names no header or attribute" };
    const origin = named[1] === "header" ? "header" : "envelope";
    return { text, origin, segments: [named[2]], expandAfter: undefined };
  }
  if (text.startsWith("$")) return { problem: "is none of $key, $header.<name>, $envelope.<attribute>" };
  const parts = text.split(".");
  if (parts.length > MAX_PATH_SEGMENTS) return { problem: `has more than ${MAX_PATH_SEGMENTS} segments` };
  let expandAfter: number | undefined;
  const segments: string[] = [];
  for (const part of parts) {
    const expands = part.endsWith("[]");
    const name = expands ? part.slice(0, -2) : part;
    if (!SEGMENT.test(name)) return { problem: "is not a dotted path such as novel.owner.id" };
    if (name === "__proto__") return { problem: "names __proto__, which no rule may read" };
    segments.push(name);
    if (!expands) continue;
    if (!expandable) return { problem: "expands an array ([]), which only a scope may do" };
    if (expandAfter !== undefined) return { problem: "expands more than one array" };
    expandAfter = segments.length;
  }
  return { text, origin: "data", segments, expandAfter };
}

/** Reads a template such as `user:{user_id}`. */
export function parseTemplate(text: string, expandable = false): Template | SyntaxProblem {
  const pieces = text.split(/\{([^{}]*)\}/);
  const literals = pieces.filter((_, index) => index % 2 === 0);
  if (literals.some((literal) => /[{}]/.test(literal))) return { problem: "has an unpaired brace" };
  const paths: FieldPath[] = [];
  for (const piece of pieces.filter((_, index) => index % 2 === 1)) {
    const path = parseFieldPath(piece, expandable);
    if ("problem" in path) return { problem: `holds {${piece}}, which ${path.problem}` };
    paths.push(path);
  }
  if (paths.filter((path) => path.expandAfter !== undefined).length > 1) {
    return { problem: "expands more than one array" };
  }
  return { text, literals, paths };
}

/**
 * Reads the template of a scope. The kind stands literally before the first brace, so that no record can choose it,
 * and two values never touch, so that no two pairs of values make one address.
 */
export function parseScopeTemplate(text: string, expandable: boolean): Template | SyntaxProblem {
  const template = parseTemplate(text, expandable);
  if ("problem" in template || template.paths.length === 0) return template;
  if (!/^[a-z][a-z0-9_-]{0,31}:/.test(template.literals[0] ?? "")) {
    return { problem: "must begin with its kind, such as user:{user_id}" };
  }
  return template.literals.slice(1, -1).some((literal) => literal === "")
    ? { problem: "has two values side by side; put a separator between them" }
    : template;
}
