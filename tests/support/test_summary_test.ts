import assert from "node:assert/strict";
import { testSummary } from "./test_summary.ts";

Deno.test("testSummary reads the counts of the line that this Deno really prints", async () => {
  assert.deepEqual(
    await summaryOf({
      "good_test.ts": `Deno.test("a", async (t) => { await t.step("b", () => {}); }); Deno.test("c", () => {});`,
      "ignored_test.ts": `Deno.test.ignore("d", () => {});`,
    }),
    { passed: 2, failed: 0, ignored: 1 },
  );
});

Deno.test("testSummary counts a test file that throws while it loads as failed", async () => {
  assert.deepEqual(
    await summaryOf({ "bad_test.ts": `throw new Error("at load");`, "good_test.ts": `Deno.test("a", () => {});` }),
    { passed: 1, failed: 1, ignored: 0 },
  );
});

Deno.test("testSummary is null when Deno ended before it ran anything", async () => {
  assert.equal(await summaryOf({ "bad_test.ts": `const a: string = 1;` }), null);
});

Deno.test("testSummary believes the last line, not one that a test printed", () => {
  const output =
    "ok | 99 passed | 0 failed (1s)\n\x1b[31mFAILED\x1b[0m | 1 passed (2 steps) | 3 failed (1 step) \x1b[90m(9ms)\x1b[0m\n";
  assert.deepEqual(testSummary(output), { passed: 1, failed: 3, ignored: 0 });
});

async function summaryOf(files: Record<string, string>) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["test"], cwd: folder, stdin: "null" }).output();
    return testSummary(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
