import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { startRedis } from "./redis_server.ts";

Deno.test("startRedis with isDurable keeps what was written through a kill, on the same port", async () => {
  await using server = await startRedis({ isDurable: true });
  await withClient(server.url, (client) => client.set("key", "value"));
  await server.kill();
  await server.restart();
  await withClient(server.url, async (client) => assert.equal(await client.get("key"), "value"));
});

Deno.test("startRedis without isDurable starts empty again", async () => {
  await using server = await startRedis();
  await withClient(server.url, (client) => client.set("key", "value"));
  await server.restart();
  await withClient(server.url, async (client) => assert.equal(await client.get("key"), null));
});

Deno.test("a paused server keeps its connections and answers only after resume", async () => {
  await using server = await startRedis();
  await withClient(server.url, async (client) => {
    await client.ping();
    server.pause();
    let hasAnswered = false;
    const answer = client.ping().then((reply) => {
      hasAnswered = true;
      return reply;
    });
    // Another server's whole start: time enough for an answer, if there were one.
    await using _other = await startRedis();
    assert.equal(hasAnswered, false);
    server.resume();
    assert.equal(await answer, "PONG");
  });
});

Deno.test("a disposed server is gone with its folder, even when it was paused", async () => {
  const server = await startRedis();
  const folder = await withClient(server.url, (client) => client.config("GET", "dir"));
  assert(Array.isArray(folder));
  server.pause();
  await server[Symbol.asyncDispose]();
  await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: server.port }), Deno.errors.ConnectionRefused);
  await assert.rejects(Deno.stat(String(folder[1])), Deno.errors.NotFound);
});

Deno.test("a start that fails shows the server's own log", async () => {
  await assert.rejects(
    startRedis({ settings: [["nonsense", "1"]] }),
    /Cannot start Redis on port \d+: it ended \(exit code 1\).*nonsense/s,
  );
});

async function withClient<Result>(url: string, use: (client: Redis) => Promise<Result>): Promise<Result> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    await client.quit();
  }
}
