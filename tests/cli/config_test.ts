import assert from "node:assert/strict";
import { runCommandLine } from "./run_command_line.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

/** Runs the command line on a configuration of this text. */
async function tidegate(text: string, ...args: string[]) {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    const { code, out, err } = await runCommandLine(...args, "--config", file);
    return { code, out: out.replaceAll(file, "t.yaml"), err: err.replaceAll(file, "t.yaml") };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("config check exits 0 for a right configuration, with its warnings", async () => {
  assert.deepEqual(await tidegate(`auth: {issuers: [{issuer: i, secret: ${SECRET}}]}`, "config", "check"), {
    code: 0,
    out: "The configuration is right.\n",
    err: "",
  });
  const { code, err } = await tidegate("", "config", "check");
  assert.equal(code, 0);
  assert.match(err, /warning: auth\.issuers is empty/);
});

Deno.test("config check exits 1 and names every problem", async () => {
  const { code, out, err } = await tidegate(
    "log: {level: x}\nserver: {prt: 1}\n",
    "config",
    "check",
    "--set",
    "drain.window=1",
  );
  assert.equal(code, 1);
  assert.equal(out, "");
  const lines = err.trimEnd().split("\n");
  assert.match(lines[0] ?? "", /^t\.yaml:1:14: log\.level must be one of/);
  assert.match(lines[1] ?? "", /^t\.yaml:2:10: server\.prt is no setting of server.*did you mean port\?$/);
  assert.match(lines[2] ?? "", /^--set: drain\.window must be a duration/);
  assert.match(lines.at(-1) ?? "", /^Cannot start with this configuration: \d problems\.$/);
});

Deno.test("config check --json gives the problems as data", async () => {
  const { code, out } = await tidegate("log: {level: x}\n", "config", "check", "--json");
  assert.equal(code, 1);
  const { ok, problems } = JSON.parse(out);
  assert.equal(ok, false);
  assert.deepEqual(problems[0].origin, { kind: "file", file: "t.yaml", line: 1, column: 14 });
  assert.equal(problems[0].path, "log.level");
});

Deno.test("config print shows what holds and who said so, without secrets", async () => {
  const text = `log: {level: debug}\nauth: {issuers: [{issuer: i, secret: ${SECRET}}]}\n`;
  const { code, out } = await tidegate(text, "config", "print", "--port", "9000", "--dev");
  assert.equal(code, 0);
  assert.match(out, /^ {2}level: debug +# t\.yaml:1:14$/m);
  assert.match(out, /^ {2}port: 9000 +# --port$/m);
  assert.match(out, /^ {2}enabled: true +# --dev$/m);
  assert.match(out, /^ {2}heartbeat: 15s +# default$/m);
  assert.doesNotMatch(out, new RegExp(SECRET));
  const rows = JSON.parse((await tidegate(text, "config", "print", "--json")).out);
  assert(rows.some((row: { path: string; value: unknown }) => row.path === "log.level" && row.value === "debug"));
});

Deno.test("config schema and docs need no configuration", async () => {
  const schema = await runCommandLine("config", "schema", "--config", "/nowhere");
  assert.equal(JSON.parse(schema.out).title, "Tidegate configuration");
  const docs = await runCommandLine("config", "docs");
  assert.match(docs.out, /# Configuration/);
});

Deno.test("config refuses what it does not know, with a suggestion and exit code 2", async () => {
  const cases: [string[], RegExp][] = [
    [[], /needs one of check, print, schema, docs/],
    [["chek"], /"chek" is none of .*did you mean check\?/],
    [["check", "extra"], /"extra" is one argument too many/],
    [["check", "--jsn"], /--jsn is no flag of it; did you mean --json\?/],
    [["check", "--config"], /--config needs a value, --config FILE/],
    [["check", "--config", "--json"], /--config needs a value/],
    [["check", "--json=yes"], /--json takes no value/],
    [["check", "--port", "1", "--port", "2"], /--port is given twice/],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await runCommandLine("config", ...args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
    assert.match(err, message);
    assert.match(err, /See tidegate config --help\n$/);
  }
});

Deno.test("--set without a value is refused by the setting that it names", async () => {
  const { code, err } = await runCommandLine("config", "check", "--set", "streams.heartbeat");
  assert.equal(code, 1);
  assert.match(err, /--set: streams\.heartbeat must be a duration/);
});
