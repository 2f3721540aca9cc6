/** Real Kafka and Redis records, as other programs write them, to streams: mapped, minimised, resumed on any node, through outages. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import type { EventReader } from "../support/event_reader.ts";
import { startKafka } from "../support/kafka_server.ts";
import { startRedis } from "../support/redis_server.ts";
import { sharedKafka, sharedRedis } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const PARTITIONS = 3;
const kafka = await sharedKafka();
const redis = await sharedRedis();

const MAPPINGS = {
  rules: [{
    name: "progress",
    source: "tasks",
    when: { kind: "progress" },
    event: "task.progress-updated",
    scope: "user:{user_id}",
    time: "at",
    fields: { taskId: "task_id", progress: "percent" },
  }],
};

function record(user: string, percent: number): string {
  const at = "2026-01-01T00:00:00.000Z";
  return JSON.stringify({ kind: "progress", at, user_id: user, task_id: "t1", percent, prompt: "a secret plot" });
}

async function progressOf(stream: EventReader, count: number): Promise<number[]> {
  const read: number[] = [];
  while (read.length < count) {
    const { event, data } = await stream.next(30_000);
    assert.notEqual(event, "stream.gap-detected", data);
    if (event === "task.progress-updated") read.push(JSON.parse(data).data.progress);
  }
  return read;
}

function percents(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

async function produce(topic: TestTopic, from: number, to: number): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const values = percents(from, to).filter((percent) => percent % PARTITIONS === partition);
    await topic.produce(
      partition,
      values.flatMap((percent) => [
        { value: record("alice", percent) },
        { value: record("bob", percent) },
        { value: JSON.stringify({ kind: "progress", at: "2026-01-01T00:00:00.000Z", percent }) },
        { value: "not JSON" },
      ]),
    );
  }
}

function kafkaSettings(topic: TestTopic) {
  return {
    sources: { tasks: { kafka: { brokers: [...topic.brokers], topic: topic.name } } },
    mappings: MAPPINGS,
    streams: { maxLifetime: "10m" },
  };
}

Deno.test("Kafka to stream: records of all partitions arrive mapped and minimised, for their user alone", async () => {
  await using topic = await TestTopic.create(kafka.brokers, PARTITIONS);
  await using running = await RunningGateway.start(kafkaSettings(topic));
  await using stream = await running.stream(await running.tokenFor("alice"));
  await stream.next();
  await produce(topic, 0, 30);
  assert.deepEqual((await progressOf(stream, 30)).toSorted((one, other) => one - other), percents(0, 30));
  assert.doesNotMatch(stream.text, /secret plot|bob/, "what no rule lists stays inside");
});

Deno.test("Kafka to stream: a cursor of one node is resumed by another, from Kafka itself, with nothing twice", async () => {
  await using topic = await TestTopic.create(kafka.brokers, PARTITIONS);
  await using one = await RunningGateway.start(kafkaSettings(topic));
  const token = await one.tokenFor("alice");
  let cursor = "";
  const seen: number[] = [];
  {
    await using stream = await one.stream(token);
    await stream.next();
    await produce(topic, 0, 30);
    seen.push(...await progressOf(stream, 20));
    // Whatever else came in the same chunk was seen too: the cursor says so.
    seen.push(...await progressOf(stream, (stream.text.match(/"progress":\d+/g)?.length ?? 0) - seen.length));
    cursor = stream.lastEventId;
  }
  await produce(topic, 30, 60);
  await using other = await RunningGateway.start({ ...kafkaSettings(topic), journal: { maxEvents: 1 } });
  await using stream = await other.stream(token, "", { "last-event-id": cursor });
  const rest = await progressOf(stream, 60 - seen.length);
  assert.deepEqual([...seen, ...rest].toSorted((a, b) => a - b), percents(0, 60));
  const caughtUp = stream.text.match(/event: stream.caught-up\ndata: (.*)/)?.[1];
  assert.ok(caughtUp === undefined || JSON.parse(caughtUp).from === "bus");
});

Deno.test("Kafka to stream: while the broker is away streams stay, are told once, and get everything afterwards", async () => {
  await using broker = await startKafka();
  await using topic = await TestTopic.create(broker.brokers, PARTITIONS);
  await using running = await RunningGateway.start(kafkaSettings(topic));
  await using stream = await running.stream(await running.tokenFor("alice"));
  await stream.next();
  await produce(topic, 0, 9);
  await progressOf(stream, 9);
  await broker.kill();
  const down = await stream.next(30_000);
  assert.deepEqual([down.event, JSON.parse(down.data)], ["stream.source-changed", { source: "tasks", state: "down" }]);
  const ready = await fetch(`${running.url}/readyz`);
  assert.deepEqual([ready.status, (await ready.json()).sources], [503, [{ source: "tasks", state: "down" }]]);
  await broker.restart();
  await produce(topic, 9, 18);
  const states: string[] = [];
  const after: number[] = [];
  while (after.length < 9) {
    const { event, data } = await stream.next(60_000);
    if (event === "stream.source-changed") states.push(JSON.parse(data).state);
    else if (event === "task.progress-updated") after.push(JSON.parse(data).data.progress);
    else assert.fail(`${event}: ${data}`);
  }
  assert.deepEqual(states, ["up"]);
  assert.deepEqual(after.toSorted((one, other) => one - other), percents(9, 18), "nothing lost, nothing twice");
});

Deno.test("Redis Streams to stream: entries of flat fields arrive mapped; a restart of Redis that keeps its data loses nothing", async () => {
  await using server = await startRedis({ isDurable: true });
  const client = new Redis(server.url, { retryStrategy: () => 100, maxRetriesPerRequest: null });
  client.on("error", () => {});
  try {
    const add = async (from: number, to: number) => {
      for (const percent of percents(from, to)) {
        await client.xadd(
          "tasks",
          "*",
          "kind",
          "progress",
          "at",
          "2026-01-01T00:00:00Z",
          "user_id",
          "alice",
          "task_id",
          "t1",
          "percent",
          String(percent),
        );
      }
    };
    await add(0, 1);
    await using running = await RunningGateway.start({
      sources: { tasks: { redis: { url: server.url, stream: "tasks" } } },
      mappings: {
        rules: MAPPINGS.rules.map((rule) => ({
          ...rule,
          fields: { taskId: "task_id", progress: { from: "percent", as: "number" } },
        })),
      },
    });
    await using stream = await running.stream(await running.tokenFor("alice"));
    await stream.next();
    await add(1, 6);
    assert.deepEqual(await progressOf(stream, 5), percents(1, 6));
    const cursor = stream.lastEventId;
    await server.kill();
    await server.restart();
    await add(6, 11);
    assert.deepEqual(await progressOf(stream, 5), percents(6, 11));
    await using resumed = await running.stream(await running.tokenFor("alice"), "", { "last-event-id": cursor });
    assert.deepEqual(await progressOf(resumed, 5), percents(6, 11));
  } finally {
    await client.quit();
  }
});

Deno.test("dead letters: a record that cannot be mapped is written to the configured log and blocks nothing", async () => {
  const key = `dead-${crypto.randomUUID()}`;
  const source = `tasks-${crypto.randomUUID()}`;
  const client = new Redis(redis.url);
  try {
    await client.xadd(source, "*", "value", "not JSON");
    await client.xadd(source, "*", "value", record("alice", 7));
    await using running = await RunningGateway.start({
      sources: {
        tasks: { redis: { url: redis.url, stream: source } },
        dead: { redis: { url: redis.url, stream: key } },
      },
      mappings: { ...MAPPINGS, deadLetter: { source: "dead" } },
    });
    await using stream = await running.stream(await running.tokenFor("alice"), "?last_event_id=earliest");
    assert.deepEqual(await progressOf(stream, 1), [7]);
    // The letter is written beside the delivery, not before it: wait for it.
    const entry = (await client.xread("BLOCK", 10_000, "STREAMS", key, "0"))?.[0]?.[1][0];
    const letter = JSON.parse(entry?.[1][entry[1].indexOf("value") + 1] ?? "");
    assert.deepEqual([letter.source, letter.reason, letter.value.text], ["tasks", "not-json", "not JSON"]);
  } finally {
    await client.quit();
  }
});
