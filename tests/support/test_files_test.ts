import assert from "node:assert/strict";
import { needsServers, testFiles } from "./test_files.ts";

Deno.test("testFiles finds the tests of every folder", async () => {
  const files = await testFiles(new URL("../", import.meta.url));
  assert(files.some((file) => file.endsWith("/tests/support/test_files_test.ts")));
  assert(files.every((file) => file.endsWith("_test.ts")));
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
