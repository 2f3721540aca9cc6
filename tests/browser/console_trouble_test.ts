/// <reference lib="dom" />
/** What an operator sees of a source in trouble: records that fit no rule, a node that falls behind, a server that is gone. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { ADMIN_TOKEN } from "../e2e/admin_gateway.ts";
import { freePort } from "../support/free_port.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { sharedRedis } from "../support/shared_servers.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { login, openConsole, tailLines, until } from "./opened_console.ts";

const redis = await sharedRedis();

const RULES = [
  {
    name: "progress",
    source: "tasks",
    when: { kind: "progress" },
    event: "task.progress-updated",
    scope: "user:{user_id}",
    fields: { progress: "percent" },
  },
  { name: "internal", source: "tasks", when: { kind: "internal" }, drop: true },
];

/** A record of the log, as old as its milliseconds since 1970 say. */
async function append(client: Redis, stream: string, atMs: number, value: unknown): Promise<void> {
  await client.xadd(stream, `${atMs}-0`, "value", typeof value === "string" ? value : JSON.stringify(value));
}

/** Whatever comes behind the reader's next question stands still; resolves when it has asked. */
async function holdTheReader(proxy: TcpProxy): Promise<void> {
  const decoder = new TextDecoder();
  let reader: object | undefined;
  const hasAsked = Promise.withResolvers<void>();
  void proxy.holdAt(({ connection, isAnswer, bytes }) => {
    if (!isAnswer && /XREAD/i.test(decoder.decode(bytes))) {
      reader = connection;
      hasAsked.resolve();
    }
    return isAnswer && connection === reader && decoder.decode(bytes).includes("progress") ? 0 : undefined;
  });
  await hasAsked.promise;
}

Deno.test("console: a source's dead letters, its lag, its loss and its return are seen, each with what is the matter", async () => {
  await using stack = new AsyncDisposableStack();
  const stream = `tasks-${crypto.randomUUID()}`;
  const client = new Redis(redis.url);
  stack.defer(async () => void await client.quit());
  await append(client, stream, 1_000, { kind: "progress", user_id: "alice", percent: 1 });
  const proxy = stack.use(new TcpProxy(Number(new URL(redis.url).port)));
  const adminPort = freePort();
  stack.use(
    await startGatewayProcess({
      config: {
        server: { adminPort },
        admin: { token: ADMIN_TOKEN },
        // A reader that is held shall be held, and not taken for dead, while the test looks.
        sources: { tasks: { redis: { url: `redis://127.0.0.1:${proxy.port}`, stream, commandTimeout: "1m" } } },
        mappings: { rules: RULES },
      },
    }),
  );
  const { page, photograph } = await openConsole(stack, `http://127.0.0.1:${adminPort}`);
  await login(page);
  const source = page.getByRole("region", { name: "Sources" }).locator(".row", { hasText: "tasks" });
  const problems = page.getByRole("region", { name: "Last warnings and errors" }).getByRole("listitem");
  const nodeState = page.locator("header").getByRole("status");
  await source.filter({ hasText: /up\s*tasks\s*redis\s*up to date/ }).waitFor();
  assert.deepEqual(await problems.allInnerTexts(), ["None since the node started."]);

  await append(client, stream, 2_000, "not JSON");
  await append(client, stream, 3_000, { kind: "internal" });
  await tailLines(page).filter({ hasText: /dead letter\s*tasks:0:2000-0\s*not-json/ }).waitFor();
  await problems.filter({ hasText: "Dead letter tasks:0:2000-0: not-json" }).waitFor();
  for (const title of ["Dead letters", "Dropped records"]) {
    await page.locator(".tile", { hasText: title }).getByText(/^peak [\d.]+$/).waitFor();
  }

  await holdTheReader(proxy);
  await append(client, stream, 303_000, { kind: "progress", user_id: "alice", percent: 77 });
  await source.filter({ hasText: "5 min behind" }).waitFor();
  assert.equal(await nodeState.innerText(), "ready", "slow is not down");
  await photograph("behind");

  proxy.isRefusing = true;
  proxy.cut();
  await source.filter({ hasText: /down\s*tasks\s*redis\s*lag unknown/ }).waitFor();
  await problems.filter({ hasText: /Source tasks is down: .+/ }).waitFor();
  await tailLines(page).filter({ hasText: /source\s*tasks\s*down/ }).waitFor();
  await until("the node is not ready", async () => await nodeState.innerText() === "not ready");
  await photograph("down");

  proxy.isRefusing = false;
  await source.filter({ hasText: /up\s*tasks\s*redis\s*up to date/ }).waitFor();
  await tailLines(page).filter({ hasText: '"progress":77' }).waitFor();
  await until("the node is ready again", async () => await nodeState.innerText() === "ready");
});
