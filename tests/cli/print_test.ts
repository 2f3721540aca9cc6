import assert from "node:assert/strict";
import { print } from "../../src/cli/print.ts";

const WITHOUT_END = `import { print } from ${JSON.stringify(import.meta.resolve("../../src/cli/print.ts"))};
for (let number = 0;; number++) print("ü".repeat(1_000) + number);`;

Deno.test("print: what is written is all there, and a command whose reader is gone ends", async () => {
  const command = new Deno.Command(Deno.execPath(), { args: ["eval", WITHOUT_END], stdout: "piped", stderr: "piped" });
  await using child = command.spawn();
  const problems = child.stderr.text();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    // Leaving the loop closes the pipe.
    if (text.length > 300_000) break;
  }
  assert.deepEqual([(await child.status).code, await problems], [141, ""]);
  const lines = text.split("\n").slice(0, -1);
  assert.deepEqual(lines, lines.map((_, number) => "ü".repeat(1_000) + number));
});

Deno.test("print: a line without text is a line", () => {
  assert.doesNotThrow(() => print(""));
});
