import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

Deno.test("the test command passes and ends with the counts when every test passes", async () => {
  const { code, lastLine } = await testCommand(`Deno.test("a", () => {}); Deno.test("b", () => {});`);
  assert.equal(lastLine, "2 passed, 0 failed");
  assert.equal(code, 0);
});

Deno.test("the test command fails when a test fails", async () => {
  const { code, lastLine } = await testCommand(`Deno.test("a", () => {}); Deno.test("b", () => { throw 1; });`);
  assert.equal(lastLine, "1 passed, 1 failed");
  assert.equal(code, 1);
});

Deno.test("the test command fails when a test is ignored", async () => {
  const { code, lastLine } = await testCommand(`Deno.test("a", () => {}); Deno.test.ignore("b", () => {});`);
  assert.equal(lastLine, "1 passed, 0 failed, 1 skipped");
  assert.equal(code, 1);
});

Deno.test("the test command fails when no test ran, or the tests do not compile", async () => {
  const empty = await testCommand("export {};");
  assert.equal(empty.lastLine, "0 passed, 0 failed");
  assert.equal(empty.code, 1);
  const broken = await testCommand("const a: string = 1;");
  assert.equal(broken.lastLine, "0 passed, 1 failed");
  assert.equal(broken.code, 1);
});

Deno.test("the test command fails on a leak", async () => {
  const { code, lastLine } = await testCommand(`Deno.test("a", () => { setTimeout(() => {}, 60_000); });`);
  assert.equal(lastLine, "0 passed, 1 failed");
  assert.equal(code, 1);
});

Deno.test("the test command passes the flags of deno test on", async () => {
  const { lastLine } = await testCommand(
    `Deno.test("a", () => {}); Deno.test("b", () => { throw 1; });`,
    "--filter",
    "a",
  );
  assert.equal(lastLine, "1 passed, 0 failed");
});

async function testCommand(
  testFile: string,
  ...flags: string[]
): Promise<{ code: number; lastLine: string | undefined }> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/sample_test.ts`;
    await Deno.writeTextFile(path, testFile);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", fileURLToPath(new URL("./run.ts", import.meta.url)), "--unit", path, ...flags],
      stdin: "null",
    }).output();
    return { code, lastLine: new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
