/** `deno task dev` as a newcomer starts it: what it prints leads to events. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { EventReader } from "../support/event_reader.ts";

const START_TIMEOUT_MS = 60_000;

Deno.test("deno task dev: prints a console link whose token shows the demo's events, and a curl that streams them", async () => {
  await using gateway = startDev("--port", "0");
  const welcome = await gateway.printed(/-d '\{.*\n.*api\/v1\/events\n/);
  const [, url = "", adminToken = ""] = /(http:\/\/\S+)\/console#token=(\S+)/.exec(welcome) ?? [];
  const page = await fetch(`${url}/console`);
  assert.deepEqual([page.status, /<title>.*Tidegate/.test(await page.text())], [200, true]);
  const refused = await fetch(`${url}/admin/v1/events`, { headers: { authorization: `Bearer not-${adminToken}` } });
  assert.equal(refused.status, 401);
  await refused.body?.cancel();

  await using tail = await EventReader.open(`${url}/admin/v1/events`, { authorization: `Bearer ${adminToken}` });
  const isDemo = (data: string) => /write-chapter-\d/.test(data);
  const shown = await tail.until(({ event, data }) => event === "tail.event" && isDemo(data));
  assert.match(shown.at(-1)?.data ?? "", /"scope":"user:demo"/);

  const [, token = "", stream = ""] = /curl -N -H 'Authorization: Bearer (\S+)' '(\S+)'/.exec(welcome) ?? [];
  await using demo = await EventReader.open(stream, { authorization: `Bearer ${token}` });
  await demo.until(({ event, data }) => event === "task.progress-updated" && isDemo(data));
});

interface Development extends AsyncDisposable {
  /** All that was printed, once the pattern is in it. */
  printed(pattern: RegExp): Promise<string>;
}

/** The very command of the task, without the task runner, through which no signal would come. */
function startDev(...flags: readonly string[]): Development {
  const [, ...command] = config.tasks.dev.command.split(" ");
  const child = new Deno.Command("env", {
    // The tests' own seed is no setting of a gateway, which refuses what it does not know.
    args: ["-u", "TIDEGATE_SEED", Deno.execPath(), ...command, ...flags],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  let isOver = false;
  let wake = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      wake.resolve();
      wake = Promise.withResolvers();
    }
    isOver = true;
    wake.resolve();
  })();
  return {
    async printed(pattern) {
      const timeout = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
      try {
        for (; !pattern.test(text); await wake.promise) assert.ok(!isOver, `It never says ${pattern}:\n${text}`);
        return text;
      } finally {
        clearTimeout(timeout);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!isOver) child.kill("SIGTERM");
      await reading;
      await child.status;
    },
  };
}
