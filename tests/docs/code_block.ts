import type { Offence, ProjectFile } from "../tidy/offence.ts";

/** A fenced block of a document. */
export interface CodeBlock {
  readonly path: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  /** The first word behind the fence: `ts`, `sh`. */
  readonly language: string;
  /** What stands behind it: `fragment`. */
  readonly marker: string;
  /** Without the indentation of its fence. */
  readonly text: string;
  /** The paragraph above it. */
  readonly above: string;
}

/** Every fenced block of a document, in order. */
export function codeBlocks({ path, text }: ProjectFile): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (const match of text.matchAll(/^( *)```([\w-]*)(?: +(.*))?\n([^]*?)^\1```$/gm)) {
    const [, indentation = "", language = "", marker = "", code = ""] = match;
    const before = text.slice(0, match.index);
    blocks.push({
      path,
      line: before.split("\n").length + 1,
      language,
      marker,
      text: code.replaceAll(new RegExp(`^${indentation}`, "gm"), ""),
      above: before.trimEnd().split("\n\n").at(-1) ?? "",
    });
  }
  return blocks;
}

/** Code that is only indented has no language, so nothing could check it. */
export function indentedCode({ path, text }: ProjectFile): Offence[] {
  const lines = withoutFences(text).split("\n");
  return lines.flatMap((line, index) => {
    const isCode = /^ {4,}\S/.test(line) && lines[index - 1] === "";
    const owner = lines.slice(0, index).findLast((above) => /^\S/.test(above)) ?? "";
    if (!isCode || /^([-*]|\d+\.) /.test(owner)) return [];
    return [{ path, line: index + 1, message: "indented code; put it between fences, with its language" }];
  });
}

/** The text with every fenced block's lines emptied, so that lines keep their numbers. */
export function withoutFences(text: string): string {
  return text.replaceAll(/^( *)```[^]*?^\1```$/gm, (block) => "\n".repeat(block.split("\n").length - 1));
}
