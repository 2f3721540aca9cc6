import { posix } from "node:path";
import { lineAt, type Offence, type ProjectFile } from "./offence.ts";
import { syntaxNodes } from "./syntax_nodes.ts";

const EMPTY_NAMES = /^(index|mod|utils?|helpers?|commons?|misc|shared|types|constants|lib|base|core)$/;
/** Where outsiders enter, `mod.ts` is Deno's own word; the client's entry points have names that users import. */
const ENTRY_POINTS = /^(src|tests)\/client\/((.+\/)?(mod|core)\.ts$|core\/)/;
const SNAKE_CASE = /^[a-z0-9]+(_[a-z0-9]+)*(\.d)?$/;
const EMPTY_VERBS = /^(handle|process|do)[A-Z]/;

type Named = Deno.lint.FunctionDeclaration | Deno.lint.MethodDefinition;

/** Names that say nothing (`util`, `helpers`, `index`, `handleMessage`) and files that are not in snake case. */
export function nameOffences(file: ProjectFile): Offence[] {
  const offences: Offence[] = [];
  const folders = posix.dirname(file.path).split("/");
  const name = posix.basename(file.path).replace(/\.tsx?$/, "");
  if (!SNAKE_CASE.test(name)) offences.push({ path: file.path, line: 1, message: `"${name}" is not in snake_case` });
  for (const part of [...folders, name]) {
    if (EMPTY_NAMES.test(part) && !ENTRY_POINTS.test(file.path)) {
      offences.push({
        path: file.path,
        line: 1,
        message: `"${part}" says nothing: name it after the one thing it exports`,
      });
    }
  }
  for (const node of syntaxNodes<Named>(file, "FunctionDeclaration, MethodDefinition")) {
    const id = node.type === "FunctionDeclaration" ? node.id : node.key;
    if (id?.type !== "Identifier" && id?.type !== "PrivateIdentifier") continue;
    if (!EMPTY_VERBS.test(id.name)) continue;
    offences.push({
      path: file.path,
      line: lineAt(file.text, node.range[0]),
      message: `"${id.name}": say what the caller gets`,
    });
  }
  return offences;
}
