import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const START_LOG = new URL("../../src/log/start_log.ts", import.meta.url);

/** What a hostile value may try: further lines, colours, a bell, a title, a line of JSON. */
const HOSTILE = 'x\r\n{"level":"FATAL"}\u001b[31mred\u0007\u009b2J\u001b]0;title\u0007';

/** Standard error of a process that logs the hostile value in the given format. */
async function logged(format: "json" | "text"): Promise<string> {
  const program = `
    import { getLogger } from "@logtape/logtape";
    import { startLog } from ${JSON.stringify(START_LOG.href)};
    await startLog({ level: "info", format: ${JSON.stringify(format)} });
    getLogger(["tidegate", "test"]).info("Cannot read {value}", { value: ${JSON.stringify(HOSTILE)} });
  `;
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--quiet", "-A", "--ext=ts", "-"],
    cwd: root,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(program));
  await stdin.close();
  const { stderr, code } = await child.output();
  const text = new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
  return text;
}

Deno.test("startLog: in JSON a hostile value stays in one line and loses nothing", async () => {
  const text = await logged("json");
  assert.equal(text.trimEnd().split("\n").length, 1, text);
  const { level, properties } = JSON.parse(text);
  assert.deepEqual([level, properties.value], ["INFO", HOSTILE]);
  // deno-lint-ignore no-control-regex -- control characters are what must not be there
  assert.doesNotMatch(text.trimEnd(), /[\u0000-\u001f]/);
});

Deno.test("startLog: as text a hostile value neither makes a line nor reaches the terminal's controls", async () => {
  const text = await logged("text");
  assert.equal(text.trimEnd().split("\n").length, 1, text);
  assert.ok(text.includes("red"), text);
  // deno-lint-ignore no-control-regex -- the formatter's own colours end in m; what the value holds may not be there
  assert.doesNotMatch(text, /\u001b\[31mred|[\u0007\u009b\r]|\u001b\]/);
});
