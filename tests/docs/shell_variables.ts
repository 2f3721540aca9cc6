import { lineAt, type Offence, type ProjectFile } from "../tidy/offence.ts";
import { withoutFences } from "./code_block.ts";

/**
 * Variables in a page's blocks of shell that no line above sets, and that no sentence explains, of this page or of another
 * that every reader is expected to know: pasted, such a command does something else than it says.
 */
export function unexplainedVariables(page: ProjectFile, known: ProjectFile): Offence[] {
  const shell = shellOnly(page.text);
  const prose = withoutFences(page.text) + withoutFences(known.text);
  return [...shell.matchAll(/\$\{?([A-Za-z_]\w*)/g)].flatMap((match) => {
    const [, name = ""] = match;
    const isSet = new RegExp(`(^|[\\s;(])(${name}=|for ${name} in |read (-r )?${name}\\b)`, "m");
    if (isSet.test(shell.slice(0, match.index)) || new RegExp(`\`\\$?${name}\\b`).test(prose)) return [];
    const message = `nothing above sets $${name}, and no sentence says what \`$${name}\` is`;
    return [{ path: page.path, line: lineAt(shell, match.index), message }];
  });
}

/** Only the shell of a page, every line where it was; without what the shell takes as text: single quotes and comments. */
function shellOnly(text: string): string {
  const emptied = (removed: string) => removed.replaceAll(/[^\n]/g, "");
  let at = 0;
  let shell = "";
  for (const { index, 0: fence, 2: code = "" } of text.matchAll(/^( *)```sh\n([^]*?)^\1```$/gm)) {
    const seen = code.replaceAll(
      /"(?:[^"\\]|\\[^])*"|'[^']*'|(?<=^|\s)#.*/gm,
      (part) => part.startsWith('"') ? part : emptied(part),
    );
    shell += `${emptied(text.slice(at, index))}\n${seen}`;
    at = index + fence.length;
  }
  return shell;
}
