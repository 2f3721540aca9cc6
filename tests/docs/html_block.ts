import type { CodeBlock } from "./code_block.ts";
import { jsonProblems } from "./data_block.ts";
import type { ShellContext } from "./shell_block.ts";

/** Import maps are JSON, and what a page takes from the gateway is there. */
export async function htmlProblems({ text }: CodeBlock, { methodsOf }: ShellContext): Promise<string[]> {
  const maps = [...text.matchAll(/<script type="importmap">([^]*?)<\/script>/g)];
  const problems = maps.flatMap(([, map = ""]) => jsonProblems({ text: map }));
  for (const [, path = ""] of text.matchAll(/"(\/client\/[^"]+)"/g)) {
    if (!(await methodsOf(path)).includes("GET")) problems.push(`the gateway has nothing at ${path}`);
  }
  return problems;
}
