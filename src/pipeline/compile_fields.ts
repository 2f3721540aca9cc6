import type { FieldDetail, FieldSpec } from "../config/mapping_field_schema.ts";
import { parseFieldPath } from "../config/mapping_template.ts";
import type { SensitiveNames } from "../config/sensitive_names.ts";
import { compileText } from "./compile_text.ts";
import { exactNumber, isInexact, isRawNumber } from "./exact_json.ts";
import { compileReader, type FieldReader } from "./field_reader.ts";
import { minimise, type MinimiseLimits, minimiseText } from "./minimise.ts";
import type { OpenedRecord } from "./opened_record.ts";

/** What all fields of a configuration share. */
export interface FieldLimits {
  readonly isSensitive: SensitiveNames;
  readonly maxDepth: number;
}

/**
 * Compiles an allow-list into the one function that makes `data`. A value that is missing, null, nested without
 * `fields` or `deep`, or not convertible is left out, or replaced by the field's default.
 */
export function compileFields(
  fields: Readonly<Record<string, FieldSpec>>,
  limits: FieldLimits,
): (opened: OpenedRecord, at: unknown) => Record<string, unknown> {
  const compiled = Object.entries(fields).map(([name, spec]) => ({ name, read: compileField(spec, limits) }));
  return (opened, at) => {
    const data: Record<string, unknown> = {};
    for (const { name, read } of compiled) {
      const value = read(opened, at);
      if (value !== undefined) data[name] = value;
    }
    return data;
  };
}

function compileField(spec: FieldSpec, limits: FieldLimits): FieldReader {
  if (typeof spec === "string") {
    return compilePick(readerOf(spec), { isSensitive: limits.isSensitive, maxDepth: limits.maxDepth });
  }
  const own: MinimiseLimits = {
    isSensitive: spec.expose === "sensitive" ? undefined : limits.isSensitive,
    maxDepth: limits.maxDepth,
  };
  const read = compileOrigin(spec, own, limits);
  const converted = spec.as === undefined ? read : compileConversion(read, spec.as);
  const replaced = spec.table === undefined ? converted : compileTable(converted, spec.table);
  const cut = spec.maxLength === undefined ? replaced : compileCut(replaced, spec.maxLength);
  const { default: fallback } = spec;
  return fallback === undefined ? cut : (opened, at) => cut(opened, at) ?? fallback;
}

function compileOrigin(spec: FieldDetail, own: MinimiseLimits, limits: FieldLimits): FieldReader {
  if (spec.const !== undefined) return () => spec.const;
  if (spec.template !== undefined) return compileText(spec.template, own);
  const read = readerOf(spec.from ?? "");
  if (spec.fields !== undefined) return compileNested(read, spec.fields, limits);
  if (spec.deep !== true) return compilePick(read, own);
  return (opened, at) => {
    const value = read(opened, at);
    return value === null || value === undefined ? undefined : minimise(value, opened, own);
  };
}

/** Scalars, and arrays of nothing but scalars. */
function compilePick(read: FieldReader, limits: MinimiseLimits): FieldReader {
  return (opened, at) => {
    const value = read(opened, at);
    switch (typeof value) {
      case "string":
        return minimiseText(value, opened, limits);
      case "number":
        if (isInexact(value)) opened.isInexact = true;
        return value;
      case "boolean":
        return value;
      case "bigint":
        return exactNumber(value);
      case "object":
        if (isRawNumber(value)) return value;
        return Array.isArray(value) && value.every(isScalar) ? minimise(value, opened, limits) : undefined;
      default:
        return undefined;
    }
  };
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null || isRawNumber(value);
}

function compileNested(
  read: FieldReader,
  fields: Readonly<Record<string, FieldSpec>>,
  limits: FieldLimits,
): FieldReader {
  const make = compileFields(fields, limits);
  return (opened, at) => {
    const value = read(opened, at);
    if (isScalar(value)) return undefined;
    if (!Array.isArray(value)) return make(opened, value);
    return value.filter((element) => !isScalar(element)).map((element: unknown) => make(opened, element));
  };
}

function compileConversion(read: FieldReader, target: NonNullable<FieldDetail["as"]>): FieldReader {
  return (opened, at) => {
    const value = read(opened, at);
    if (value === undefined || value === null || Array.isArray(value)) return undefined;
    switch (target) {
      case "string":
        return scalarText(value);
      case "boolean":
        return value === true || value === "true" ? true : value === false || value === "false" ? false : undefined;
      case "number":
      case "integer":
        return typeof value === "boolean" ? undefined : numberOf(scalarText(value), target === "integer");
    }
  };
}

/** The text of a picked scalar; an object among them is a number kept as its text. */
function scalarText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const JSON_NUMBER = /^-?(?:0|[1-9][0-9]{0,308})(?:\.[0-9]{1,308})?(?:[eE][+-]?[0-9]{1,3})?$/;

function numberOf(text: string, isInteger: boolean): number | undefined {
  if (!JSON_NUMBER.test(text)) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || isInexact(value)) return undefined;
  return isInteger && !Number.isInteger(value) ? undefined : value;
}

function compileTable(read: FieldReader, table: NonNullable<FieldDetail["table"]>): FieldReader {
  const replacements = new Map(Object.entries(table));
  return (opened, at) => {
    const value = read(opened, at);
    return value === undefined || Array.isArray(value) ? undefined : replacements.get(scalarText(value));
  };
}

function compileCut(read: FieldReader, maxLength: number): FieldReader {
  return (opened, at) => {
    const value = read(opened, at);
    if (typeof value !== "string" || value.length <= maxLength) return value;
    const cut = value.slice(0, maxLength - 1);
    // Half of a surrogate pair is no character.
    return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
  };
}

function readerOf(text: string): FieldReader {
  const path = parseFieldPath(text);
  if ("problem" in path) throw new TypeError(`Cannot compile the path ${JSON.stringify(text)}: it ${path.problem}`);
  return compileReader(path);
}
