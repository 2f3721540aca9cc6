import { lineAt, type Offence, type ProjectFile } from "./offence.ts";
import { syntaxNodes } from "./syntax_nodes.ts";

/** A type assertion in a declaration (function, method, constant) that no comment stands in or before: nobody can tell why it is true. */
export function assertionOffences(file: ProjectFile): Offence[] {
  const offences: Offence[] = [];
  for (const node of syntaxNodes<Deno.lint.TSAsExpression>(file, "TSAsExpression")) {
    const { typeAnnotation } = node;
    const isConst = typeAnnotation.type === "TSTypeReference" && typeAnnotation.typeName.type === "Identifier" &&
      typeAnnotation.typeName.name === "const";
    if (isConst || hasComment(file.text, declarationOf(node))) continue;
    const line = lineAt(file.text, node.range[0]);
    offences.push({
      path: file.path,
      line,
      message: "an `as` that nobody explains: parse the value, or say in a comment why it is so",
    });
  }
  return offences;
}

/** What all nodes have; Deno's union of them does not say it of every kind. */
interface TreeNode {
  readonly type: string;
  readonly range: readonly [start: number, end: number];
  readonly parent?: TreeNode;
}

function declarationOf(node: TreeNode): TreeNode {
  const { parent } = node;
  return parent === undefined || parent.type === "Program" || parent.type === "ClassBody"
    ? node
    : declarationOf(parent);
}

function hasComment(text: string, declaration: TreeNode): boolean {
  const [start, end] = declaration.range;
  return /\*\/\s*$|\/\/.*\s*$/.test(text.slice(0, start)) || /\/\/|\/\*/.test(text.slice(start, end));
}

const SILENCED: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/deno-lint-ignore(?!.*--\s*\S)/, "a lint rule switched off without a reason: add `-- why`"],
  [/@ts-(ignore|nocheck)/, "the type checker switched off: mend the types"],
  [/@ts-expect-error\s*$/, "an expected type error without a reason: add it on the line"],
];

/** Checks that are switched off without a word of why. */
export function silencedOffences(file: ProjectFile): Offence[] {
  return matches(file, SILENCED);
}

const UNTESTED: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/\.(ignore|only)\(/, "a test that does not run, or keeps others from running, proves nothing"],
  [/\b(ignore|only): true\b/, "a test that does not run, or keeps others from running, proves nothing"],
  [/\bsanitize\w+: false(?!.*\/\/\s*\S)/, "a sanitizer switched off without a reason: add `// why` on the line"],
];

/** In a test file: tests that do not run, and sanitizers switched off without a word of why. */
export function untestedOffences(file: ProjectFile): Offence[] {
  return matches(file, UNTESTED);
}

function matches(file: ProjectFile, patterns: readonly (readonly [RegExp, string])[]): Offence[] {
  return file.text.split("\n").flatMap((text, index) =>
    patterns.flatMap(([pattern, message]) => pattern.test(text) ? [{ path: file.path, line: index + 1, message }] : [])
  );
}

/** Output that goes round the log: it has no level, no redaction and no context. */
export function consoleOffences(file: ProjectFile): Offence[] {
  return matches(file, [[/\bconsole\.\w+\(/, "only the command line writes to the console: use src/log"]]);
}
