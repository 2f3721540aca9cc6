import assert from "node:assert/strict";
import { openRedisBus } from "../../src/bus/redis/open_redis_bus.ts";
import { configSchema } from "../../src/config/schema.ts";
import { OutboxFixture } from "../outbox/outbox_fixture.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { sharedPostgres, sharedRedis } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const postgres = await sharedPostgres();
const redis = await sharedRedis();

Deno.test("outbox: what a transaction inserts comes to the browsers that may see it, in its order, when it commits", async () => {
  await using outbox = await OutboxFixture.open(postgres.url);
  const { url, table, channel } = outbox;
  await using running = await RunningGateway.start({ outbox: { url, table, channel, pollInterval: "1m" } });
  await using stream = await running.stream(await running.tokenFor("alice"));
  await stream.next();
  await outbox.query("BEGIN");
  await outbox.insert([{ n: 1 }], "user:bob");
  await outbox.insert([{ n: 2 }, { n: 3 }], "user:alice");
  await outbox.query("COMMIT");
  const events = [await stream.next(), await stream.next()];
  assert.deepEqual(
    events.map(({ event, data }) => [event, JSON.parse(data).scope, JSON.parse(data).data]),
    [["test.row-inserted", "user:alice", { n: 2 }], ["test.row-inserted", "user:alice", { n: 3 }]],
  );
});

Deno.test("outbox: a node that relays is killed, another goes on: every row is in the log, repeated ones with one identity", async () => {
  await using outbox = await OutboxFixture.open(postgres.url);
  const { url, table, channel } = outbox;
  const settings = { redis: { url: redis.url, stream: `outbox:${crypto.randomUUID()}` }, format: "tidegate" as const };
  const config = {
    sources: { jobs: settings },
    outbox: { url, table, channel, source: "jobs", batchSize: 20, pollInterval: "100ms" },
  };
  await using first = await startGatewayProcess({ config });
  await using _second = await startGatewayProcess({ config });
  const rows = 3_000;
  for (let count = 0; count < rows; count += 100) {
    await outbox.insert(Array.from({ length: 100 }, (_, index) => count + index), `user:${count % 7}`);
    if (count === 1_000) await first.kill();
  }
  while (await outbox.waiting() > 0) await outbox.query("SELECT pg_sleep(0.05)");
  const published = await readAll(settings);
  const data = new Map(published.map(({ identity, value }) => [identity, JSON.parse(value).data]));
  assert.deepEqual([...data.values()].sort((one, other) => one - other), Array.from({ length: rows }, (_, n) => n));
});

/** Everything that the source holds. */
async function readAll(settings: { redis: { url: string; stream: string }; format: "tidegate" }) {
  const source = configSchema.parse({ sources: { jobs: settings } }).sources.jobs;
  if (source?.kind !== "redis") throw new Error("Cannot read the source: it is no Redis source");
  await using bus = await openRedisBus({ source: "jobs", ...source.redis });
  const { partitions } = await bus.bounds();
  const decoder = new TextDecoder();
  const found: { readonly identity: string; readonly value: string }[] = [];
  for (const [partition, { first, next }] of partitions) {
    for await (const event of bus.readRange(partition, first, next, new AbortController().signal)) {
      if (event.kind !== "records") continue;
      for (const { headers, value } of event.records) {
        const identity = decoder.decode(headers.get("tidegate-outbox-id"));
        found.push({ identity, value: decoder.decode(value ?? undefined) });
      }
    }
  }
  return found;
}
