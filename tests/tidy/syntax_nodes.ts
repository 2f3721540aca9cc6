import type { ProjectFile } from "./offence.ts";

/**
 * Every node of a file's syntax tree that a selector of Deno's lint plugins matches (`"FunctionDeclaration, ArrowFunctionExpression"`).
 * Deno's own parser, so that no rule has to guess from braces and quotes; it is there only under `deno test`.
 */
export function syntaxNodes<Node extends Deno.lint.Node>(file: ProjectFile, selector: string): Node[] {
  const found: Node[] = [];
  Deno.lint.runPlugin(
    { name: "tidy", rules: { find: { create: () => ({ [selector]: (node: Node) => void found.push(node) }) } } },
    file.path,
    file.text,
  );
  return found;
}
