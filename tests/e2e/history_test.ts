/** The ladder of replays on a real Kafka and a real Redis: journal, history, the topic itself, announced gap. */
import assert from "node:assert/strict";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { redisCommand } from "../bus/redis/redis_client.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import type { EventReader } from "../support/event_reader.ts";
import { type RedisServer, startRedis } from "../support/redis_server.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const kafka = await sharedKafka();

const RULE = {
  name: "progress",
  source: "tasks",
  when: { kind: "progress" },
  event: "task.progress-updated",
  scope: "user:{user_id}",
  fields: { progress: "percent" },
};

function settings(topic: TestTopic, redis: RedisServer, rule: object = RULE): ConfigInput {
  return {
    sources: { tasks: { kafka: { brokers: [...topic.brokers], topic: topic.name } } },
    mappings: { rules: [{ ...RULE, ...rule }] },
    journal: { maxEvents: 3 },
    history: { redis: { url: redis.url, connectTimeout: "500ms", commandTimeout: "500ms" } },
  };
}

async function produce(topic: TestTopic, from: number, to: number): Promise<void> {
  const values = Array.from({ length: to - from }, (_, index) => (
    { kind: "progress", user_id: "alice", percent: from + index, prompt: "a secret plot" }
  ));
  await topic.produce(0, values.map((value) => ({ value: JSON.stringify(value) })));
}

/** Waits until Redis holds the record at the offset. */
async function kept(redis: RedisServer, offset: bigint): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs) {
    const keys = await redisCommand(redis.url, "KEYS", "tidegate:history:tasks:0:*") as string[];
    for (const key of keys) {
      const [last] = await redisCommand(redis.url, "XREVRANGE", key, "+", "-", "COUNT", 1) as [string, unknown][];
      if (last !== undefined && BigInt(last[0].split("-")[0] ?? -1) >= offset) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`Waited in vain for offset ${offset} in Redis`);
}

interface Resumed {
  /** Percents of events and ranges of gaps, in their order. */
  readonly told: readonly (number | string)[];
  readonly from: string;
}

/** What a client that comes back with a cursor is told up to `stream.caught-up`. */
async function resume(gateway: RunningGateway, cursor: string): Promise<Resumed> {
  await using stream = await gateway.stream(await gateway.tokenFor("alice"), "", { "last-event-id": cursor });
  const told: (number | string)[] = [];
  for (;;) {
    const { event, data } = await stream.next(30_000);
    const content = JSON.parse(data);
    if (event === "stream.caught-up") return { told, from: content.from };
    if (event === "task.progress-updated") told.push(content.data.progress);
    else if (event !== "stream.opened") told.push(`${content.reason} ${content.from} to ${content.to}`);
  }
}

async function until(stream: EventReader, percent: number): Promise<void> {
  for (;;) {
    const { event, data } = await stream.next(30_000);
    if (event === "task.progress-updated" && JSON.parse(data).data.progress === percent) return;
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

Deno.test("ladder: the journal too small, then Redis emptied, then Kafka's retention passed, then both gone", async () => {
  await using redis = await startRedis();
  await using topic = await TestTopic.create(kafka.brokers, 1);
  await using one = await RunningGateway.start(settings(topic, redis));
  let cursor = "";
  {
    await using stream = await one.stream(await one.tokenFor("alice"));
    await stream.next();
    await produce(topic, 0, 5);
    await until(stream, 4);
    cursor = stream.lastEventId;
    await produce(topic, 5, 40);
    await until(stream, 39);
  }
  await kept(redis, 39n);
  assert.deepEqual(await resume(one, cursor), { told: range(5, 40), from: "redis" });

  await using other = await RunningGateway.start(settings(topic, redis));
  assert.deepEqual(await resume(other, cursor), { told: range(5, 40), from: "redis" }, "any node reads it");

  const dump = await redisCommand(redis.url, "KEYS", "*") as string[];
  for (const key of dump) {
    const text = JSON.stringify(await redisCommand(redis.url, "XRANGE", key, "-", "+"));
    assert.doesNotMatch(text, /secret plot|user_id/, "what no rule lists is not kept");
  }

  await redisCommand(redis.url, "FLUSHALL");
  await using third = await RunningGateway.start(settings(topic, redis));
  assert.deepEqual(await resume(third, cursor), { told: range(5, 40), from: "bus" });

  await produce(topic, 40, 60);
  await kept(redis, 59n);
  const [key = ""] = await redisCommand(redis.url, "KEYS", "*") as string[];
  await redisCommand(redis.url, "XTRIM", key, "MINID", "40-0");
  await topic.deleteRecordsBefore(0, 58n);
  // Nobody keeps what a replay has read in this one.
  await using fourth = await RunningGateway.start(settings(topic, redis));
  const { told, from } = await resume(fourth, cursor);
  assert.equal(from, "redis");
  const read = told.filter((each) => typeof each === "number");
  const first = read[0] ?? 0;
  assert.deepEqual(read, range(first, 60), "complete from where Redis has it");
  assert.ok(first <= 40 && first > 5, `${first}`);
  assert.deepEqual(told[0], `retention 5 to ${first - 1}`, "the exact gap, first in its partition");
});

Deno.test("ladder: what Kafka has deleted is complete from Redis", async () => {
  await using redis = await startRedis();
  await using topic = await TestTopic.create(kafka.brokers, 1);
  await using one = await RunningGateway.start(settings(topic, redis));
  let cursor = "";
  {
    await using stream = await one.stream(await one.tokenFor("alice"));
    await stream.next();
    await produce(topic, 0, 10);
    await until(stream, 9);
    cursor = stream.lastEventId;
    await produce(topic, 10, 60);
    await until(stream, 59);
  }
  await kept(redis, 59n);
  await topic.deleteRecordsBefore(0, 58n);
  assert.deepEqual(await resume(one, cursor), { told: range(10, 60), from: "redis" });
  await redisCommand(redis.url, "FLUSHALL");
  await using other = await RunningGateway.start(settings(topic, redis));
  assert.deepEqual((await resume(other, cursor)).told, ["retention 10 to 57", 58, 59]);
});

Deno.test("ladder: a changed mapping never gets what the old one has made", async () => {
  await using redis = await startRedis();
  await using topic = await TestTopic.create(kafka.brokers, 1);
  await using one = await RunningGateway.start(settings(topic, redis));
  let cursor = "";
  {
    await using stream = await one.stream(await one.tokenFor("alice"));
    await stream.next();
    await produce(topic, 0, 1);
    await until(stream, 0);
    cursor = stream.lastEventId;
    await produce(topic, 1, 30);
    await until(stream, 29);
  }
  await kept(redis, 29n);
  // The field is not to leave any more.
  await using changed = await RunningGateway.start(settings(topic, redis, { fields: { kind: "kind" } }));
  await using stream = await changed.stream(await changed.tokenFor("alice"), "", { "last-event-id": cursor });
  const events = await stream.until(({ event }) => event === "stream.caught-up", 30_000);
  const sent = events.filter(({ event }) => event === "task.progress-updated");
  assert.equal(sent.length, 29);
  for (const { data } of sent) assert.deepEqual(JSON.parse(data).data, { kind: "progress" });
  assert.equal(JSON.parse(events.at(-1)?.data ?? "").from, "bus");
});

Deno.test("ladder: Redis away costs nobody anything: ready, live, and replayed from Kafka", async () => {
  await using redis = await startRedis();
  await using topic = await TestTopic.create(kafka.brokers, 1);
  await redis.stop();
  await using one = await RunningGateway.start(settings(topic, redis));
  assert.equal(await readinessOf(one), 200);
  let cursor = "";
  {
    await using stream = await one.stream(await one.tokenFor("alice"));
    await stream.next();
    await produce(topic, 0, 5);
    await until(stream, 4);
    cursor = stream.lastEventId;
    await produce(topic, 5, 30);
    await until(stream, 29);
  }
  assert.deepEqual(await resume(one, cursor), { told: range(5, 30), from: "bus" });
  await redis.restart();
  await kept(redis, 29n);
  await redis.kill();
  await produce(topic, 30, 40);
  assert.equal(await readinessOf(one), 200);
});

async function readinessOf({ url }: RunningGateway): Promise<number> {
  const response = await fetch(`${url}/readyz`);
  await response.body?.cancel();
  return response.status;
}
