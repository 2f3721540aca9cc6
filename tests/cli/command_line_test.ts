import assert from "node:assert/strict";
import { runCommandLine } from "./run_command_line.ts";

Deno.test("commandLine --help lists every command", async () => {
  for (const flag of ["--help", "-h", "help"]) {
    const { code, out } = await runCommandLine(flag);
    assert.equal(code, 0);
    for (const name of ["serve", "config", "token", "map"]) assert.match(out, new RegExp(`^  ${name} `, "m"));
  }
});

Deno.test("commandLine gives each command's help", async () => {
  for (const name of ["serve", "config", "map"]) {
    for (const args of [[name, "--help"], [name, "-h"], ["help", name]]) {
      const { code, out, err } = await runCommandLine(...args);
      assert.equal(code, 0, args.join(" "));
      assert.match(out, new RegExp(`^Usage: tidegate ${name}`));
      assert.equal(err, "");
    }
  }
});

Deno.test("commandLine --version names the version and what runs it", async () => {
  const { code, out } = await runCommandLine("--version");
  assert.equal(code, 0);
  assert.match(out, /^tidegate \d+\.\d+\.\d+ \(deno \d/);
});

Deno.test("commandLine refuses an unknown command with a suggestion and exit code 2", async () => {
  for (const [name, meant] of [["sevre", "serve"], ["conifg", "config"]] as const) {
    const { code, out, err } = await runCommandLine(name);
    assert.deepEqual({ code, out }, { code: 2, out: "" });
    assert.equal(err, `Cannot run tidegate: "${name}" is no command; did you mean ${meant}? See tidegate --help\n`);
  }
});

Deno.test("commandLine without a command serves: its flags are those of serve", async () => {
  const { code, err } = await runCommandLine("--prot", "1");
  assert.equal(code, 2);
  assert.match(err, /^Cannot run tidegate serve: --prot is no flag of it; did you mean --port\?/);
});

Deno.test("serve with a bad configuration never starts: it names the problems and exits 1", async () => {
  const { code, out, err } = await runCommandLine("serve", "--port", "http", "--set", "streams.heartbeat=15");
  assert.deepEqual({ code, out }, { code: 1, out: "" });
  assert.match(err, /--set: streams\.heartbeat must be a duration/);
  assert.match(err, /--port: server\.port must be a whole number from 0 to 65535; it is "http"/);
  assert.match(err, /Cannot start with this configuration: 2 problems\.\n$/);
});

Deno.test("serve refuses an argument, for a file is named by a flag", async () => {
  const { code, err } = await runCommandLine("serve", "tidegate.yaml");
  assert.equal(code, 2);
  assert.match(err, /a file is named by --config/);
});
