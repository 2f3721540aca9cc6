/** `deno task dev` as a newcomer starts it: what it prints leads to events. */
import assert from "node:assert/strict";
import { startDevelopmentGateway } from "../support/development_gateway.ts";
import { EventReader } from "../support/event_reader.ts";

Deno.test("deno task dev: prints a console link whose token shows the demo's events, and a token that streams them", async () => {
  await using gateway = await startDevelopmentGateway();
  const { url, welcome } = gateway;
  const [, adminToken = ""] = /\/console#token=(\S+)/.exec(welcome) ?? [];
  const page = await fetch(`${url}/console`);
  assert.deepEqual([page.status, /<title>.*Tidegate/.test(await page.text())], [200, true]);
  const refused = await fetch(`${url}/admin/v1/events`, { headers: { authorization: `Bearer not-${adminToken}` } });
  assert.equal(refused.status, 401);
  await refused.body?.cancel();

  await using tail = await EventReader.open(`${url}/admin/v1/events`, { authorization: `Bearer ${adminToken}` });
  const isDemo = (data: string) => /write-chapter-\d/.test(data);
  const shown = await tail.until(({ event, data }) => event === "tail.event" && isDemo(data));
  assert.match(shown.at(-1)?.data ?? "", /"scope":"user:demo"/);

  const [, token = ""] = /TOKEN=(\S+)/.exec(welcome) ?? [];
  const stream = `${url}/api/v1/events/stream`;
  await using demo = await EventReader.open(stream, { authorization: `Bearer ${token}` });
  await demo.until(({ event, data }) => event === "task.progress-updated" && isDemo(data));
});

Deno.test("deno task dev: with a configuration without an own log, promises neither a demo nor publishing", async () => {
  await using gateway = await startDevelopmentGateway(
    "--set",
    "sources.tasks.redis.url=redis://127.0.0.1:1",
    "--set",
    "sources.tasks.redis.stream=tasks",
  );
  assert.match(gateway.welcome, /Watch events in the console/);
  assert.doesNotMatch(gateway.welcome, /flowing|Publish/);
});
