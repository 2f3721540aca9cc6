import { lineAt, type Offence, type ProjectFile } from "./offence.ts";

/** A row of the fault suite as the document names it, and a test with its file. */
const FAULT = /`(?:fault )?([a-z]+): ([^`]+)`/g;
const TEST = /^- `(tests\/[\w/]+\.ts): ([^`]+)`$/gm;
const ROW_NAME = /(?:\brow\(|\bname: )"([^"]+)",\s*(?:gaps:|(?:async )?\()/g;

/** What a document names as its proof and is not there; and, where it names faults, each row that it leaves out. */
export function proofOffences(document: ProjectFile, files: readonly ProjectFile[]): Offence[] {
  const { path, text } = document;
  const tables = new Map<string, string>();
  for (const file of files) {
    // A kind with many rows has more than one file: `gateway_faults.ts`, `gateway_kill_faults.ts`.
    const kind = /^tests\/faults\/([a-z]+)_(?:[a-z]+_)?faults\.ts$/.exec(file.path)?.[1];
    if (kind !== undefined) tables.set(kind, `${tables.get(kind) ?? ""}${file.text}`);
  }
  const offences: Offence[] = [];
  const named = new Set<string>();
  for (const { 1: kind = "", 2: name = "", index } of text.matchAll(FAULT)) {
    const table = tables.get(kind);
    if (table === undefined) continue;
    named.add(`${kind}: ${name}`);
    if (table.includes(`"${name}"`)) continue;
    offences.push({ path, line: lineAt(text, index), message: `the fault suite has no row "${kind}: ${name}"` });
  }
  for (const { 1: testPath = "", 2: name = "", index } of text.matchAll(TEST)) {
    const test = files.find((file) => file.path === testPath);
    if (test?.text.includes(name) === true) continue;
    offences.push({ path, line: lineAt(text, index), message: `${testPath} has no test "${name}"` });
  }
  for (const [kind, table] of tables) {
    for (const [, name] of table.matchAll(ROW_NAME)) {
      if (named.has(`${kind}: ${name}`)) continue;
      offences.push({ path, line: 1, message: `leaves out the fault "${kind}: ${name}": add it to the table` });
    }
  }
  return offences;
}
