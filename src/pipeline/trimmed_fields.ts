import type { FieldSpec } from "../config/mapping_field_schema.ts";
import type { MappingRule } from "../config/mapping_rule_schema.ts";
import type { RecordFormat } from "../config/mapping_schema.ts";
import { type FieldPath, parseFieldPath, parseScopeTemplate, parseTemplate } from "../config/mapping_template.ts";
import type { BusRecord } from "../model/bus_record.ts";
import { Unmappable } from "./mapping_outcome.ts";
import { openRecord } from "./open_record.ts";

/** Paths beyond this many are not listed; the list is for people. */
const MAX_LISTED = 100;

/**
 * The fields of a record's data that do not leave under the rule: dotted paths, an object of which nothing leaves as
 * one. For `tidegate map` and the documents; the mapping itself knows no such list, it only takes what is named.
 */
export function trimmedFields(data: unknown, rule: MappingRule): readonly string[] {
  const sent = [...sentPaths(rule.fields), ...addressPaths(rule)];
  const trimmed: string[] = [];
  visit(data, []);
  return trimmed;

  function visit(value: unknown, at: readonly string[]): void {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    for (const [name, child] of Object.entries(value)) {
      if (trimmed.length >= MAX_LISTED) return;
      const path = [...at, name];
      if (sent.some((each) => isPrefix(each, path))) continue;
      if (sent.some((each) => isPrefix(path, each))) visit(child, path);
      else trimmed.push(path.join("."));
    }
  }
}

/** The same for a record as a bus has it; none where it cannot be opened. */
export function trimmedOfRecord(
  record: BusRecord,
  reading: { readonly format: RecordFormat; readonly maxRecordBytes: number },
  rule: MappingRule,
): readonly string[] {
  try {
    return trimmedFields(openRecord(record, reading.format, reading.maxRecordBytes, true).data, rule);
  } catch (error) {
    if (error instanceof Unmappable) return [];
    throw error;
  }
}

/** The paths in the record's data that a rule's fields read: what may leave. */
function sentPaths(fields: Readonly<Record<string, FieldSpec>>): readonly (readonly string[])[] {
  return Object.values(fields).flatMap((spec) => {
    const detail = typeof spec === "string" ? { from: spec } : spec;
    const paths = [detail.from === undefined ? undefined : parseFieldPath(detail.from)].filter(isDataPath);
    const template = detail.template === undefined ? undefined : parseTemplate(detail.template);
    if (template !== undefined && "paths" in template) paths.push(...template.paths.filter(isDataPath));
    const nested = detail.fields === undefined ? undefined : sentPaths(detail.fields);
    return paths.flatMap(({ segments }) => nested?.map((inner) => [...segments, ...inner]) ?? [segments]);
  });
}

/** Every reader sees the scope and the time. */
function addressPaths({ scope, time }: MappingRule): readonly (readonly string[])[] {
  const templates = [scope ?? []].flat().map((text) => parseScopeTemplate(text, true));
  const paths = templates.flatMap((template) => "paths" in template ? template.paths : []);
  return [...paths, time === undefined ? undefined : parseFieldPath(time)].filter(isDataPath).map((path) =>
    path.segments
  );
}

function isDataPath(path: ReturnType<typeof parseFieldPath> | undefined): path is FieldPath {
  return path !== undefined && "origin" in path && path.origin === "data";
}

function isPrefix(shorter: readonly string[], longer: readonly string[]): boolean {
  return shorter.length <= longer.length && shorter.every((segment, index) => segment === longer[index]);
}
