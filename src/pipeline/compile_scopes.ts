import { parseScopeTemplate } from "../config/mapping_template.ts";
import { parseScope, type Scope } from "../model/scope.ts";
import { isInexact } from "./exact_json.ts";
import { compileReader, compileWalk, type FieldReader } from "./field_reader.ts";
import { deadLetter, withheld } from "./mapping_outcome.ts";
import type { OpenedRecord } from "./opened_record.ts";

const NONE: readonly Scope[] = [];
const KIND_ALONE = /^[a-z][a-z0-9_-]{0,31}:$/;
/** Ids that make a scope of any kind, whatever parseScope may take besides. */
const PLAIN_ID = /^[A-Za-z0-9_.-]{1,128}$/;

/** What one template makes of a record. */
type ScopeMaker =
  | { readonly kind: "one"; readonly make: (opened: OpenedRecord) => Scope }
  | { readonly kind: "many"; readonly make: (opened: OpenedRecord, maxScopes: number) => readonly Scope[] };

/**
 * Compiles scope or audience templates. What they read decides who may see the record, so they fail closed: a value
 * that is not a non-empty text or an exact integer withholds the record from everyone.
 *
 * @throws Unmappable dropped (`missing-field:…`), invalid-scope, too-many-scopes
 */
export function compileScopes(
  templates: readonly string[],
  maxScopes: number,
): (opened: OpenedRecord) => readonly Scope[] {
  const makers = templates.map(compileScope);
  const [only] = makers;
  if (only === undefined) return () => NONE;
  if (makers.length === 1 && only.kind === "one") return (opened) => [only.make(opened)];
  return (opened) => {
    const scopes = new Set<Scope>();
    for (const maker of makers) {
      if (maker.kind === "one") scopes.add(maker.make(opened));
      else for (const scope of maker.make(opened, maxScopes)) scopes.add(scope);
    }
    return [...scopes];
  };
}

function compileScope(text: string): ScopeMaker {
  const template = parseScopeTemplate(text, true);
  if ("problem" in template) {
    throw new TypeError(`Cannot compile the scope ${JSON.stringify(text)}: it ${template.problem}`);
  }
  const { literals, paths } = template;
  if (paths.length === 0) {
    const scope = toScope(text, text);
    return { kind: "one", make: () => scope };
  }
  const separators = literals.slice(1, -1);
  const expanded = paths.find((path) => path.expandAfter !== undefined);
  const values = paths.map((path) =>
    compileAddressPart(
      path.text,
      path.expandAfter === undefined ? compileReader(path) : compileWalk(path.segments.slice(path.expandAfter)),
      separators,
    )
  );
  const [prefix = "", suffix = ""] = literals;
  const [onlyValue] = values;
  const isPlain = values.length === 1 && suffix === "" && KIND_ALONE.test(prefix);
  const join = (opened: OpenedRecord, element: unknown): Scope => {
    if (isPlain && onlyValue !== undefined) {
      const id = onlyValue(opened, expanded === undefined ? opened.data : element);
      // What parseScope would find, at a third of its cost: nearly every scope of nearly every rule comes this way.
      return PLAIN_ID.test(id) ? `${prefix}${id}` as Scope : toScope(prefix + id, text);
    }
    let made = literals[0] ?? "";
    for (let index = 0; index < values.length; index++) {
      const at = paths[index]?.expandAfter === undefined ? opened.data : element;
      made += (values[index]?.(opened, at) ?? "") + (literals[index + 1] ?? "");
    }
    return toScope(made, text);
  };
  if (expanded?.expandAfter === undefined) return { kind: "one", make: (opened) => join(opened, undefined) };

  const readArray = compileWalk(expanded.segments.slice(0, expanded.expandAfter));
  const missing = `missing-field:${expanded.text}`;
  const make = (opened: OpenedRecord, maxScopes: number): readonly Scope[] => {
    const elements = readArray(opened, opened.data);
    if (!Array.isArray(elements) || elements.length === 0) throw withheld(missing);
    if (elements.length > maxScopes) {
      throw deadLetter(
        "too-many-scopes",
        `${expanded.text} has ${elements.length} elements, at most ${maxScopes} may be`,
      );
    }
    return elements.map((element: unknown) => join(opened, element));
  };
  return { kind: "many", make };
}

/** Reads one value as it may stand in an address, exactly; anything else withholds the record. */
function compileAddressPart(path: string, read: FieldReader, separators: readonly string[]) {
  const missing = `missing-field:${path}`;
  return (opened: OpenedRecord, at: unknown): string => {
    const value = read(opened, at);
    switch (typeof value) {
      case "string":
        // A separator inside a value would let two pairs of values make one address.
        if (value === "" || value === "*" || separators.some((separator) => value.includes(separator))) break;
        return value;
      case "number":
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value);
        // Read again exactly, the same number comes as a bigint; a fraction or an exponent never does.
        if (isInexact(value)) opened.isInexact = true;
        break;
      case "bigint":
        return value.toString();
    }
    throw withheld(missing);
  };
}

function toScope(text: string, template: string): Scope {
  const scope = parseScope(text);
  if (scope === undefined) {
    // The text itself may be private, or a megabyte.
    throw deadLetter("invalid-scope", `${template} made a text of ${text.length} characters that is no scope`);
  }
  return scope;
}
