/** The tests of the React bindings once more, over the npm package as it is published, with the oldest Reacts that it allows. */
import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import config from "../../../deno.json" with { type: "json" };
import { buildClient } from "../build_client.ts";

const ROOT = new URL("../../../", import.meta.url);
/** The lowest of the range of `peerDependencies`, and the last before 19. */
const VERSIONS = ["18.2.0", "18.3.1"];
/** Modules of the package that stand in for the client's sources. */
const ENTRIES = ["core", "react", "query"];

Deno.test("the npm package with React 18: passes the tests of src/client/react and src/client/query", async () => {
  await using built = await buildClient();
  for (const version of VERSIONS) {
    const importMap = `${built.folder}/import_map.json`;
    const first = `${built.folder}/first_test.ts`;
    await Deno.writeTextFile(importMap, JSON.stringify({ imports: importsWith(version, built.folder) }));
    await Deno.writeTextFile(first, whatIsTested(version, built.folder));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "-A",
        // The types are those of React 19, and checked with it.
        "--no-check",
        "--no-lock",
        `--import-map=${importMap}`,
        first,
        "tests/client/react/react_test.tsx",
        "tests/client/react/concurrent_test.tsx",
        "tests/client/query/query_test.tsx",
      ],
      cwd: fileURLToPath(ROOT),
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, text + new TextDecoder().decode(stderr));
    assert.match(text, /what is tested.* ok/);
  }
});

/** The project's own imports, with another React, and the package's modules in the place of the client's sources. */
function importsWith(version: string, folder: string): Readonly<Record<string, string>> {
  const imports = Object.entries(config.imports).map(([name, target]) => [
    name,
    /^react(-dom)?\/?$/.test(name) ? target.replace(/@[\d.]+/, `@${version}`) : new URL(target, ROOT).href,
  ]);
  return Object.fromEntries([...imports, ...ENTRIES.map((entry) => [sourceOf(entry), moduleOf(entry, folder)])]);
}

/** A test that the others run against what they shall. */
function whatIsTested(version: string, folder: string): string {
  const resolved = ENTRIES.map((entry) => `import.meta.resolve(${JSON.stringify(sourceOf(entry))})`);
  const found = `[react.version, dom.version, ${resolved}]`;
  const wanted = [version, version, ...ENTRIES.map((entry) => moduleOf(entry, folder))];
  return `import assert from "node:assert/strict";
import react from "react";
import dom from "react-dom";
Deno.test("what is tested", () => assert.deepEqual(${found}, ${JSON.stringify(wanted)}));
`;
}

function sourceOf(entry: string): string {
  return new URL(`src/client/${entry}/mod.ts`, ROOT).href;
}

function moduleOf(entry: string, folder: string): string {
  return pathToFileURL(`${folder}/${entry}.js`).href;
}
