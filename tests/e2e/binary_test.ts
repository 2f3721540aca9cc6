/** The executable itself, as a user starts it: from an empty folder, against every bus, through a `kill -9`. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import clientAssets from "../../src/http/client_assets.json" with { type: "json" };
import consoleAssets from "../../src/http/console_assets.json" with { type: "json" };
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { freePort } from "../support/free_port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway_process.ts";
import { sharedKafka, sharedRedis } from "../support/shared_servers.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = `${ROOT}dist/tidegate`;

const kafka = await sharedKafka();
const redis = await sharedRedis();
await compile();

Deno.test("dist/tidegate: with the embedded log in a file, publishes, streams, and resumes after kill -9", async () => {
  await resumesAfterKill({ embedded: { path: "events.db" } });
});

Deno.test("dist/tidegate: with Redis Streams, publishes, streams, and resumes after kill -9", async () => {
  await resumesAfterKill({ redis: { url: redis.url, stream: `test-${crypto.randomUUID()}` } });
});

Deno.test("dist/tidegate: with Kafka, publishes, streams, and resumes after kill -9", async () => {
  await using topic = await TestTopic.create(kafka.brokers, 3);
  await resumesAfterKill({ kafka: { brokers: [...kafka.brokers], topic: topic.name } });
});

Deno.test("dist/tidegate: has the browser client with its types, the console and the descriptions in it", async () => {
  const adminPort = freePort();
  await using gateway = await startGatewayProcess({
    program: [BINARY],
    config: {
      sources: { events: { embedded: { path: "events.db" }, format: "tidegate" } },
      publish: { source: "events" },
      admin: { token: "an-admin-token-of-the-tests-32-characters" },
      server: { adminPort },
    },
  });
  const adminURL = `http://127.0.0.1:${adminPort}`;
  const files = {
    ...Object.fromEntries(Object.entries(clientAssets).map(([name, text]) => [`${gateway.url}/client/${name}`, text])),
    [`${adminURL}/console`]: consoleAssets.page,
    [`${adminURL}/console/console.js`]: consoleAssets.script,
    [`${adminURL}/console/style.css`]: consoleAssets.style,
    [`${adminURL}/console/icon.svg`]: consoleAssets.icon,
  };
  assert.ok(`${gateway.url}/client/core.js` in files && `${gateway.url}/client/core.d.ts` in files);
  for (const [url, text] of Object.entries(files)) {
    const response = await fetch(url);
    assert.deepEqual([response.status, await response.text()], [200, text], url);
  }
  for (const [url, path] of [[gateway.url, "/api/v1/events/stream"], [adminURL, "/admin/v1/status"]]) {
    const { openapi, paths } = await (await fetch(`${url}/openapi.json`)).json();
    assert.deepEqual([openapi, Object.keys(paths).includes(path ?? "")], ["3.1.1", true]);
  }
  const { asyncapi, channels } = await (await fetch(`${gateway.url}/asyncapi.json`)).json();
  assert.deepEqual([asyncapi, Object.keys(channels).length > 0], ["3.0.0", true]);
  // The client that the executable serves, at work on it; imported by its address it would enter the lock file.
  const program = await (await fetch(`${gateway.url}/client/core.js`)).text();
  const { SSEClient } = await import(`data:text/javascript,${encodeURIComponent(program)}`);
  const token = await gateway.tokenFor("alice");
  const client = new SSEClient({ url: gateway.url, storage: "memory", getToken: () => token });
  try {
    const isOpen = new Promise<void>((resolve) =>
      client.onControl(({ name }: { name: string }) => name === "stream.opened" && resolve())
    );
    const events = client.events("test.note-sent");
    client.open();
    await isOpen;
    await gateway.publish(token, { event: "test.note-sent", scope: "user:alice", data: "from the executable" });
    const { value } = await events.next();
    assert.equal(value.data, "from the executable");
  } finally {
    client.close();
  }
});

Deno.test("dist/tidegate --version: names the version and the runtime", async () => {
  const { code, stdout } = await new Deno.Command(BINARY, { args: ["--version"], cwd: "/" }).output();
  assert.equal(code, 0);
  assert.match(new TextDecoder().decode(stdout), /^tidegate \d+\.\d+\.\d+ /);
});

/** Events 0–9 live, a kill, 10–19 published by the restarted gateway before the client is back, 20 live again. */
async function resumesAfterKill(source: Record<string, unknown>): Promise<void> {
  await using gateway = await startGatewayProcess({
    program: [BINARY],
    config: { sources: { events: { ...source, format: "tidegate" } }, publish: { source: "events" } },
  });
  const token = await gateway.tokenFor("alice");
  let cursor = "";
  {
    await using stream = await gateway.stream(token);
    await stream.next();
    await publishNumbers(gateway, token, 0, 10);
    assert.deepEqual(await readNumbers(stream, 10), numbers(0, 10));
    cursor = stream.lastEventId;
    await gateway.kill();
    await stream.over();
  }
  await gateway.restart();
  await publishNumbers(gateway, token, 10, 20);
  await using stream = await gateway.stream(token, "", { "last-event-id": cursor });
  assert.equal(JSON.parse((await stream.next()).data).resumed, true);
  assert.deepEqual(await readNumbers(stream, 10), numbers(10, 20));
  await publishNumbers(gateway, token, 20, 21);
  assert.deepEqual(await readNumbers(stream, 1), [20]);
  assert.ok(!stream.text.includes("stream.gap-detected"), "nothing was lost, so nothing is announced");
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

async function publishNumbers(gateway: GatewayProcess, token: string, from: number, to: number): Promise<void> {
  await gateway.publish(
    token,
    numbers(from, to).map((data) => ({ event: "test.numbered-sent", scope: "user:alice", data })),
  );
}

async function readNumbers(
  stream: Awaited<ReturnType<GatewayProcess["stream"]>>,
  count: number,
): Promise<number[]> {
  const read: number[] = [];
  while (read.length < count) {
    const { event, data } = await stream.next();
    if (event === "test.numbered-sent") read.push(JSON.parse(data).data);
  }
  return read;
}

async function compile(): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", `${ROOT}tools/compile.ts`] }).spawn()
    .status;
  if (code !== 0) throw new Error("Cannot compile the executable; its own output says why");
}
