import assert from "node:assert/strict";
import { runCommandLine } from "./run_command_line.ts";

const EXAMPLE = "docs/examples/novel-platform";
const CONFIG = ["--config", `${EXAMPLE}/tidegate.yaml`];

/** Runs `tidegate map` of the example on these lines. */
async function map(lines: string, ...args: string[]) {
  const file = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeTextFile(file, lines);
    const { code, out, err } = await runCommandLine("map", ...CONFIG, "--file", file, ...args);
    return { code, out, err: err.replaceAll(file, "r.jsonl") };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("map shows for each record what would leave, for whom, and what stays behind", async () => {
  const { code, out, err } = await runCommandLine("map", ...CONFIG, "--file", `${EXAMPLE}/records.jsonl`);
  assert.equal(err, "");
  assert.equal(code, 1, "the sample has dead letters");
  assert.match(out, /^1 tasks: task\.progress-updated \(rule task-progress\)\n {2}scope {9}user:u-42\n/);
  assert.match(out, /stays behind {2}type, prompt, model, usage, worker, trace_id/);
  assert.match(out, /\n4 tasks: dropped by missing-field:user_id\n/);
  assert.match(out, /\n5 tasks: dead letter, no-rule: /);
  assert.match(out, /"contentId":"9007199254740993"/);
  assert.match(out, /\n13 records: 9 mapped to 10 messages, 2 dropped, 2 dead letters\n$/);
  assert.doesNotMatch(out, /@example\.com|sk-example|inv-example|You are a novelist/);
});

Deno.test("map exits 0 when every record is mapped or dropped, and reads bare values of a source", async () => {
  const { code, out } = await map(
    '{"type":"task.billed"}\n\n{"type":"task.queued","task_id":"t","user_id":1,"occurred_at":1}\n',
    "--source",
    "tasks",
  );
  assert.equal(code, 0);
  assert.match(out, /^1 tasks: dropped by rule:task-internals\n3 tasks: task\.status-changed/);
});

Deno.test("map --json prints one JSON line a record and the summary last", async () => {
  const line = {
    source: "notifications",
    timestampMs: 5,
    value: { kind: "announcement", id: "a", title: "t", created_at: 5 },
  };
  const { code, out } = await map(JSON.stringify(line), "--json");
  assert.equal(code, 0);
  assert.deepEqual(out.trimEnd().split("\n").map((text) => JSON.parse(text)), [
    {
      line: 1,
      source: "notifications",
      kind: "messages",
      rule: "announcement",
      event: "system.notification-sent",
      scopes: ["global"],
      audience: [],
      time: "1970-01-01T00:00:00.005Z",
      version: 1,
      priority: "normal",
      data: { notificationId: "a", level: "info", title: "t" },
      trimmed: ["kind"],
    },
    { summary: { records: 1, messages: 1, mapped: 1, dropped: 0, deadLetters: 0, brokenLines: 0 } },
  ]);
});

Deno.test("map names broken lines and goes on", async () => {
  const lines = [
    "{",
    "[]",
    "{}",
    '{"source":"x","value":1}',
    '{"source":"tasks","value":1,"valu":2}',
    '{"source":"tasks"}',
  ];
  const { code, out, err } = await map(`${lines.join("\n")}\n{"source":"tasks","value":"not json"}`);
  assert.equal(code, 1);
  assert.deepEqual(err.trimEnd().split("\n").map((line) => line.replace(/^r\.jsonl:(\d).*the line /, "$1 ")), [
    "1 is no JSON",
    "2 is no object",
    "3 has no source; name one with --source, or write it as a member",
    '4 has the source "x", which is not configured',
    '5 has the unknown member "valu"',
    "6 needs either value or valueBase64",
  ]);
  assert.match(out, /^7 tasks: dead letter, not-json: /);
});

Deno.test("map prints no control character of a record", async () => {
  const value = { kind: "announcement", id: "a", title: "\u001b[2J\u009b1m", created_at: 5 };
  const { out } = await map(JSON.stringify({ source: "notifications", value }));
  assert(out.includes("announcement"));
  // deno-lint-ignore no-control-regex -- these are what a terminal obeys
  assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

Deno.test("map exits 2 when it is called wrongly, and 1 when file or configuration cannot be used", async () => {
  assert.equal((await runCommandLine("map", ...CONFIG)).code, 2);
  assert.equal((await runCommandLine("map", ...CONFIG, "--file", "x", "y")).code, 2);
  assert.equal((await runCommandLine("map", ...CONFIG, "--file", "x", "--source", "nope")).code, 2);
  const missing = await runCommandLine("map", ...CONFIG, "--file", "no/such/file");
  assert.equal(missing.code, 1);
  assert.match(missing.err, /Cannot read "no\/such\/file": it does not exist/);
  assert.equal((await runCommandLine("map", "--config", "no/such/file", "--file", "x")).code, 1);
});
