import type { FieldSpec } from "./mapping_field_schema.ts";
import type { MappingRule } from "./mapping_rule_schema.ts";
import type { Mappings } from "./mapping_schema.ts";
import {
  type FieldPath,
  parseFieldPath,
  parseScopeTemplate,
  parseTemplate,
  type Template,
} from "./mapping_template.ts";
import { createSensitiveNames, type SensitiveNames } from "./sensitive_names.ts";

/** What is wrong in the section `mappings`, and where: keys and indexes from the section down. */
export interface MappingProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type Path = MappingProblem["path"];

/** What one rule's schema cannot see: names used twice, sensitive names listed, a rule that reads dead letters. */
export function findMappingProblems(mappings: Mappings): readonly MappingProblem[] {
  const isSensitive = createSensitiveNames(mappings.sensitiveNames);
  const names = new Set<string>();
  return mappings.rules.flatMap((rule, index) => {
    const problems = [...findListedSensitiveNames(rule, isSensitive)];
    if (names.has(rule.name)) {
      problems.push({ path: ["name"], message: `must be unique; two rules are named ${rule.name}` });
    }
    names.add(rule.name);
    if (mappings.deadLetter.source !== undefined && [rule.source].flat().includes(mappings.deadLetter.source)) {
      problems.push({ path: ["source"], message: "must not be the source that takes the dead letters" });
    }
    return problems.map(({ path, message }) => ({ path: ["rules", index, ...path], message }));
  });
}

/** How the section fits the configured sources (name → format), which only the whole configuration knows. */
export function findSourceProblems(
  mappings: Mappings,
  formats: ReadonlyMap<string, string>,
): readonly MappingProblem[] {
  const known = [...formats.keys()].join(", ");
  const problems: MappingProblem[] = [];
  const check = (path: Path, source: string, takesRules: boolean) => {
    const format = formats.get(source);
    if (format === undefined) {
      problems.push({ path, message: `must be a configured source: ${known}; it is ${source}` });
    } else if (takesRules && format === "tidegate") {
      problems.push({
        path,
        message:
          `must not be ${source}: records of the format tidegate name their own event and scopes, no rule is asked`,
      });
    }
  };
  mappings.rules.forEach((rule, index) => {
    for (const source of [rule.source].flat()) check(["rules", index, "source"], source, true);
  });
  if (mappings.deadLetter.source !== undefined) check(["deadLetter", "source"], mappings.deadLetter.source, false);
  return problems;
}

function findListedSensitiveNames(rule: MappingRule, isSensitive: SensitiveNames): readonly MappingProblem[] {
  const problems: MappingProblem[] = [];
  const check = (path: Path, read: Template | FieldPath | { readonly problem: string }, remedy: string) => {
    if ("problem" in read) return;
    const paths = "paths" in read ? read.paths : [read];
    const name = paths.flatMap((each) => each.segments).find(isSensitive);
    if (name !== undefined) problems.push({ path, message: `must not read the sensitive name ${name}; ${remedy}` });
  };
  const addressed = "address by another field";
  for (const key of ["scope", "audience"] as const) {
    for (const text of [rule[key] ?? []].flat()) check([key], parseScopeTemplate(text, true), addressed);
  }
  if (rule.conflationKey !== undefined) {
    check(["conflationKey"], parseTemplate(rule.conflationKey), "use another field");
  }
  checkFields(rule.fields, ["fields"]);
  return problems;

  function checkFields(fields: Readonly<Record<string, FieldSpec>>, at: Path): void {
    const remedy = "leave it out, or add expose: sensitive";
    for (const [name, spec] of Object.entries(fields)) {
      const path = [...at, name];
      const detail = typeof spec === "string" ? { from: spec } : spec;
      if (detail.fields !== undefined) checkFields(detail.fields, [...path, "fields"]);
      if (detail.expose === "sensitive") continue;
      if (isSensitive(name)) problems.push({ path, message: `must not send the sensitive name ${name}; ${remedy}` });
      if (detail.from !== undefined) check(path, parseFieldPath(detail.from), remedy);
      if (detail.template !== undefined) check(path, parseTemplate(detail.template), remedy);
    }
  }
}
