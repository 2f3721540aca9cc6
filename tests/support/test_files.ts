import { fileURLToPath } from "node:url";

/** Tests of whole programs and of behaviour under faults: slow, and with servers or programs of their own. */
const SLOW_FOLDERS = /\/tests\/(contract|e2e|faults|browser)\//;
/** Tests of React components are written in its markup. */
const TEST_FILE = /_test\.tsx?$/;
const SERVER_MODULE = /\/tests\/support\/(shared_servers|\w+_server)\.ts$/;
const RELATIVE_IMPORT = /\bfrom\s+"(\.{1,2}\/[^"]+\.tsx?)"/g;

/** The paths of every `*_test.ts` and `*_test.tsx` under a folder, in order of name. */
export async function testFiles(folder: URL): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) paths.push(...await testFiles(new URL(`${entry.name}/`, folder)));
    else if (TEST_FILE.test(entry.name)) paths.push(fileURLToPath(new URL(entry.name, folder)));
  }
  return paths.sort();
}

/** Whether a test file needs a server: it is in a folder of such tests, or it imports, at any depth, what starts one. */
export async function needsServers(testFile: URL): Promise<boolean> {
  if (SLOW_FOLDERS.test(testFile.pathname)) return true;
  const seen = new Set<string>();
  const open = [testFile];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (SERVER_MODULE.test(file.pathname)) return true;
    if (seen.has(file.pathname)) continue;
    seen.add(file.pathname);
    for (const [, specifier] of (await Deno.readTextFile(file)).matchAll(RELATIVE_IMPORT)) {
      const imported = new URL(specifier ?? "", file);
      // Nothing of src starts a server, and what a test only quotes lies nowhere.
      if (imported.pathname.includes("/tests/")) open.push(imported);
    }
  }
  return false;
}
