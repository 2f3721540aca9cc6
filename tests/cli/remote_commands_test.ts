/** The commands that ask a running gateway: explain, tail, publish. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ADMIN_TOKEN, AdminGateway } from "../e2e/admin_gateway.ts";
import { runCommandLine } from "./run_command_line.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A file with a token, gone when the test is over. */
class TokenFile implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async of(token: string): Promise<TokenFile> {
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, `${token}\n`);
    return new TokenFile(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}

/** Runs the command line as a process of its own, and gives its first lines of output. */
async function linesOf(count: number, args: readonly string[], meanwhile: () => Promise<void>): Promise<string[]> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "main.ts", ...args],
    cwd: ROOT,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: string[] = [];
  let text = "";
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (lines.length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
    lines.push(...text.split("\n").slice(0, -1));
    text = text.slice(text.lastIndexOf("\n") + 1);
    if (lines.length === 1) await meanwhile();
  }
  await reader.cancel();
  process.kill("SIGKILL");
  await process.status;
  return lines;
}

Deno.test("explain prints the verdict and each step, and exits 0 only when the event goes out", async () => {
  await using admin = await AdminGateway.start();
  await using file = await TokenFile.of(ADMIN_TOKEN);
  const alice = await admin.running.tokenFor("alice");
  const published = await admin.running.publish(alice, { event: "task.status-changed", scope: "user:alice" });
  const { ids: [identity] } = await published.json();
  const remote = ["--url", admin.url, "--token-file", file.path];
  const toNobody = await runCommandLine("explain", identity, "--sub", "alice", ...remote);
  assert.equal(toNobody.code, 1);
  assert.match(toNobody.out, /^no-stream: .*\n {2}✓ This node has read past it\n/);
  await using stream = await admin.running.stream(alice);
  await stream.next();
  const args = ["--scope", "user:alice", "--event", "task.status-changed", "--sub", "alice"];
  const { code, out } = await runCommandLine("explain", ...args, "--json", ...remote);
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).verdict, "matches");
});

Deno.test("explain says what is missing, and what the gateway refused", async () => {
  await using admin = await AdminGateway.start();
  await using wrong = await TokenFile.of("not-the-token");
  const refused = await runCommandLine("explain", "events:0:1", "--url", admin.url, "--token-file", wrong.path);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Cannot explain it: 401 admin-token-invalid/);
  assert.match(
    (await runCommandLine("explain", "events:0:1")).err,
    /admin\.token, TIDEGATE_ADMIN_TOKEN or --token-file/,
  );
  assert.match((await runCommandLine("explain", "a:0:1", "--token-file", "/nowhere")).err, /Cannot read a token/);
  assert.match((await runCommandLine("explain", "a:0:1", "--url", "ftp://x")).err, /http/);
  assert.equal((await runCommandLine("explain")).code, 2);
  assert.equal((await runCommandLine("explain", "a", "b")).code, 2);
});

Deno.test("publish prints the identity of what it published, digits and all, and what the gateway refuses", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const alice = await running.tokenFor("alice");
  await using file = await TokenFile.of(alice);
  await using stream = await running.stream(alice);
  await stream.next();
  const remote = ["--url", running.url, "--token-file", file.path];
  const args = ["publish", "--scope", "user:alice", "--event", "task.status-changed", "--key", "k1"];
  const first = await runCommandLine(...args, "--data", `{"n":9007199254740993}`, ...remote);
  assert.deepEqual([first.code, first.out], [0, "events:0:0\n"]);
  assert.equal((await runCommandLine(...args, "--data", `{"n":9007199254740993}`, ...remote)).out, "events:0:0\n");
  assert.match((await stream.next()).data, /"n":9007199254740993/);
  const refused = await runCommandLine("publish", "--scope", "alice", "--event", "a.b", ...remote);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Cannot publish it: 400 invalid-scope/);
  assert.equal(
    (await runCommandLine("publish", "--scope", "user:1", "--event", "a.b", "--data", "{x", ...remote)).code,
    2,
  );
  assert.equal((await runCommandLine("publish", "--scope", "user:1", ...remote)).code, 2);
});

Deno.test("tail follows a user's stream, one line an event, without colour where it is piped", async () => {
  await using admin = await AdminGateway.start();
  const { running } = admin;
  const alice = await running.tokenFor("alice");
  await using file = await TokenFile.of(alice);
  const args = ["tail", "--scope", "user:alice", "--url", running.url, "--token-file", file.path];
  const lines = await linesOf(2, args, async () => {
    const body = { event: "task.status-changed", scope: "user:alice", data: { text: "a\u001b[31m\nb\u009b" } };
    await running.publish(alice, body).then((response) => response.body?.cancel());
  });
  assert.match(lines[0] ?? "", /^\d\d:\d\d:\d\d {2}stream\.opened {2}\{/);
  assert.match(
    lines[1] ?? "",
    /^\d\d:\d\d:\d\d {2}task\.status-changed {2}user:alice {2}events:0:0 {2}\{"text":"a\\u001b\[31m\\nb\\u\{9b\}"\}$/,
  );
});

Deno.test("tail --all --json shows everything that the node reads, as its operator", async () => {
  await using admin = await AdminGateway.start();
  await using file = await TokenFile.of(ADMIN_TOKEN);
  const alice = await admin.running.tokenFor("alice");
  const args = ["tail", "--all", "--json", "--url", admin.url, "--token-file", file.path];
  const lines = await linesOf(2, args, async () => {
    await admin.running.publish(alice, { event: "content.updated", scope: "novel:7" }).then((r) => r.body?.cancel());
  });
  const [opened, event] = lines.map((line) => JSON.parse(line));
  assert.equal(opened.event, "tail.opened");
  assert.deepEqual([event.event, event.data.scope, event.data.identity], ["tail.event", "novel:7", "events:0:0"]);
});

Deno.test("tail comes back where the stream broke, and loses nothing", async () => {
  await using admin = await AdminGateway.start({ streams: { retry: { min: "1s", max: "1s" } } });
  const { running } = admin;
  const alice = await running.tokenFor("alice");
  await using file = await TokenFile.of(alice);
  const publish = (n: number) =>
    running.publish(alice, { event: "test.numbered-sent", scope: "user:alice", data: n }).then((r) => r.body?.cancel());
  const args = ["tail", "--json", "--url", running.url, "--token-file", file.path];
  const lines = await linesOf(6, args, async () => {
    await publish(1);
    const { connections: [{ id }] } = await admin.json("GET", "/admin/v1/connections");
    await admin.json("DELETE", `/admin/v1/connections/${id}`);
    await publish(2);
  });
  const events = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "test.numbered-sent");
  assert.deepEqual(events.map(({ data }) => data.data), [1, 2]);
});

Deno.test("tail ends with 1 when the gateway refuses for good", async () => {
  await using admin = await AdminGateway.start();
  await using file = await TokenFile.of(await admin.running.tokenFor("alice"));
  const args = ["--url", admin.running.url, "--token-file", file.path];
  const { code, err } = await runCommandLine("tail", "--scope", "user:bob", ...args);
  assert.equal(code, 1);
  assert.match(err, /Cannot follow the stream: 403 scope-not-granted/);
  assert.equal((await runCommandLine("tail", "--all", "--from", "earliest", ...args)).code, 2);
});
