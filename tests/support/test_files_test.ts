import assert from "node:assert/strict";
import { needsServers, testFiles } from "./test_files.ts";

Deno.test("testFiles finds the tests of every folder", async () => {
  const files = await testFiles(new URL("../", import.meta.url));
  assert(files.some((file) => file.endsWith("/tests/support/test_files_test.ts")));
  assert(files.every((file) => /_test\.tsx?$/.test(file)));
});

Deno.test("testFiles finds the tests that are written in React's markup, which need no server", async () => {
  const files = await testFiles(new URL("../", import.meta.url));
  for (const path of ["react/react_test.tsx", "react/concurrent_test.tsx", "query/query_test.tsx"]) {
    assert(files.some((file) => file.endsWith(`/tests/client/${path}`)), path);
    assert.equal(await needsServers(new URL(`../client/${path}`, import.meta.url)), false, path);
  }
});

Deno.test("needsServers is true of a test that imports what starts a server, at any depth", async () => {
  assert.equal(await needsServers(new URL("./redis_server_test.ts", import.meta.url)), true);
  assert.equal(await needsServers(new URL("./install_servers.ts", import.meta.url)), true);
  assert.equal(await needsServers(new URL("./test_summary_test.ts", import.meta.url)), false);
});

Deno.test("needsServers is true of every test in a folder for whole programs and faults", async () => {
  for (const folder of ["contract", "e2e", "faults", "browser"]) {
    assert.equal(await needsServers(new URL(`../${folder}/not_there_test.ts`, import.meta.url)), true);
  }
});
