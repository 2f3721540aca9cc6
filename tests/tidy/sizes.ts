import { lineAt, type Offence, type ProjectFile } from "./offence.ts";
import { syntaxNodes } from "./syntax_nodes.ts";

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 70;

type FunctionNode = Deno.lint.FunctionDeclaration | Deno.lint.FunctionExpression | Deno.lint.ArrowFunctionExpression;

/** A file of more than 300 lines, and each function of more than 70. */
export function sizeOffences(file: ProjectFile): Offence[] {
  const offences: Offence[] = [];
  const lines = file.text.trimEnd().split("\n").length;
  if (lines > MAX_FILE_LINES) {
    offences.push({
      path: file.path,
      line: MAX_FILE_LINES + 1,
      message: `${lines} lines: ${MAX_FILE_LINES} at most. Split it by what its parts do`,
    });
  }
  for (
    const node of syntaxNodes<FunctionNode>(file, "FunctionDeclaration, FunctionExpression, ArrowFunctionExpression")
  ) {
    const first = lineAt(file.text, node.range[0]);
    const length = lineAt(file.text, node.range[1]) - first + 1;
    if (length <= MAX_FUNCTION_LINES) continue;
    offences.push({
      path: file.path,
      line: first,
      message: `a function of ${length} lines: ${MAX_FUNCTION_LINES} at most`,
    });
  }
  return offences;
}
