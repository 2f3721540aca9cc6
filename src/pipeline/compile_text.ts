import { parseTemplate } from "../config/mapping_template.ts";
import { isInexact, isRawNumber } from "./exact_json.ts";
import { compileReader } from "./field_reader.ts";
import { type MinimiseLimits, minimiseText } from "./minimise.ts";
import type { OpenedRecord } from "./opened_record.ts";

/** Compiles a template of plain text; `undefined` when one of its values is missing or no scalar. */
export function compileText(
  text: string,
  limits: MinimiseLimits,
): (opened: OpenedRecord, at: unknown) => string | undefined {
  const template = parseTemplate(text);
  if ("problem" in template) {
    throw new TypeError(`Cannot compile the template ${JSON.stringify(text)}: it ${template.problem}`);
  }
  const { literals } = template;
  const readers = template.paths.map(compileReader);
  return (opened, at) => {
    let joined = literals[0] ?? "";
    for (let index = 0; index < readers.length; index++) {
      const part = scalarText(readers[index]?.(opened, at), opened, limits);
      if (part === undefined) return undefined;
      joined += part + (literals[index + 1] ?? "");
    }
    return joined;
  };
}

function scalarText(value: unknown, opened: OpenedRecord, limits: MinimiseLimits): string | undefined {
  switch (typeof value) {
    case "string": {
      const clean = minimiseText(value, opened, limits);
      return typeof clean === "string" ? clean : undefined;
    }
    case "number":
      if (isInexact(value)) opened.isInexact = true;
      return String(value);
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      return isRawNumber(value) ? JSON.stringify(value) : undefined;
    default:
      return undefined;
  }
}
