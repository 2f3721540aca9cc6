/** Dead letters from a source to every place that keeps them, and back into their source, on real servers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Redis } from "ioredis";
import { stringify } from "yaml";
import { KafkaBus } from "../../src/bus/kafka/kafka_bus.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { runCommandLine } from "../cli/run_command_line.ts";
import { RecordedFollow } from "../contract/recorded_follow.ts";
import { FROM_SOURCE } from "../support/gateway_process.ts";
import { sharedKafka, sharedRedis } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const kafka = await sharedKafka();
const redis = await sharedRedis();

const LETTER = JSON.stringify({ kind: "done", user: "alice" });

const RACED_LETTERS = 10;

function rules(event: string): ConfigInput["mappings"] {
  return {
    rules: [{ name: "tasks", source: "tasks", when: { kind: event }, event: "task.done", scope: "user:{user}" }],
  };
}

/** Yesterday's rules make a dead letter of the record, today's send it: once, whoever retries how often. */
async function retriedOnce(sources: NonNullable<ConfigInput["sources"]>, produce: () => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const deadLetter = { source: "dead", file: join(folder, "letters.jsonl") };
    {
      await using running = await RunningGateway.start({ sources, mappings: { ...rules("other"), deadLetter } });
      await produce();
      while (!await isWritten(deadLetter.file)) await new Promise((resolve) => setTimeout(resolve, 20));
      await running.gateway.drain();
    }
    const config = { sources, mappings: { ...rules("done"), deadLetter } };
    const file = join(folder, "tidegate.yaml");
    await Deno.writeTextFile(file, stringify(config));
    const listed = await runCommandLine("deadletter", "list", "--config", file);
    assert.match(listed.out, /tasks:0:\S+ {2}no-rule {2}\d+ bytes: .*\n1 dead letters\n$/, listed.out + listed.err);
    await using running = await RunningGateway.start(config);
    await using stream = await running.stream(await running.tokenFor("alice"));
    await stream.next();
    const retried = await runCommandLine("deadletter", "retry", "--config", file);
    assert.equal(retried.code, 0, retried.err + retried.out);
    assert.match(retried.out, /^tasks:0:\S+ {2}published as tasks:0:\S+\n1 dead letters: 1 published\n$/);
    const { event, data } = await stream.next(30_000);
    assert.deepEqual([event, JSON.parse(data).scope], ["task.done", "user:alice"]);
    assert.match((await runCommandLine("deadletter", "retry", "--config", file)).out, /^0 dead letters/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function isWritten(path: string): Promise<boolean> {
  try {
    return (await Deno.readTextFile(path)).endsWith("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("deadletter retry: a letter of Kafka, kept in a topic and a file, comes to its reader, once", async () => {
  await using tasks = await TestTopic.create(kafka.brokers, 1);
  await using dead = await TestTopic.create(kafka.brokers, 1);
  const topicOf = ({ name }: TestTopic) => ({ kafka: { brokers: [...kafka.brokers], topic: name } });
  await retriedOnce({ tasks: topicOf(tasks), dead: topicOf(dead) }, async () => {
    await tasks.produce(0, [{ key: "k", value: LETTER }]);
  });
});

const BURST = 600;
const BURST_VALUE = "x".repeat(6_000);

Deno.test("dead letters: a burst of 600 of 6 KB is kept whole in a topic that takes 1 MiB a batch, as in the file", async () => {
  await using tasks = await TestTopic.create(kafka.brokers, 1);
  await using dead = await TestTopic.create(kafka.brokers, 1, { "max.message.bytes": "1048588" });
  const topicOf = ({ name }: TestTopic) => ({ kafka: { brokers: [...kafka.brokers], topic: name } });
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "letters.jsonl");
    {
      await using running = await RunningGateway.start({
        sources: { tasks: topicOf(tasks), dead: topicOf(dead) },
        mappings: { ...rules("other"), deadLetter: { source: "dead", file } },
      });
      for (let count = 0; count < BURST; count += 100) {
        await tasks.produce(0, Array.from({ length: 100 }, () => ({ value: BURST_VALUE })));
      }
      while (await linesOf(file) < BURST) await new Promise((resolve) => setTimeout(resolve, 20));
      await running.gateway.drain();
    }
    await using bus = new KafkaBus({ source: "dead", brokers: kafka.brokers, topic: dead.name });
    await using follow = await RecordedFollow.start(bus);
    await follow.untilRecords(BURST);
    const offsets = follow.texts().map((text) => Number(JSON.parse(text).offset));
    await follow.close();
    assert.deepEqual(offsets, Array.from({ length: BURST }, (_, index) => index));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function linesOf(path: string): Promise<number> {
  return await isWritten(path) ? (await Deno.readTextFile(path)).split("\n").length - 1 : 0;
}

Deno.test("deadletter retry: a letter of Redis, kept in a stream and a file, comes to its reader, once", async () => {
  const client = new Redis(redis.url);
  try {
    const streamOf = (name: string) => ({ redis: { url: redis.url, stream: `${name}-${crypto.randomUUID()}` } });
    const [tasks, dead] = [streamOf("tasks"), streamOf("dead")];
    await retriedOnce({ tasks, dead }, async () => {
      await client.xadd(tasks.redis.stream, "*", "value", LETTER, "trace", "1");
    });
  } finally {
    await client.quit();
  }
});

Deno.test("deadletter retry: several operators at once publish each letter once", async () => {
  const client = new Redis(redis.url);
  const folder = await Deno.makeTempDir();
  try {
    const streamOf = (name: string) => ({ redis: { url: redis.url, stream: `${name}-${crypto.randomUUID()}` } });
    const sources = { tasks: streamOf("tasks"), dead: streamOf("dead") };
    const key = sources.tasks.redis.stream;
    for (let number = 0; number < RACED_LETTERS; number++) await client.xadd(key, "*", "value", LETTER);
    const deadLetter = { source: "dead" };
    {
      await using _running = await RunningGateway.start({ sources, mappings: { ...rules("other"), deadLetter } });
      while (await client.xlen(sources.dead.redis.stream) < RACED_LETTERS) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    const file = join(folder, "tidegate.yaml");
    await Deno.writeTextFile(file, stringify({ sources, mappings: { ...rules("done"), deadLetter } }));
    const [executable = "", ...args] = [...FROM_SOURCE, "deadletter", "retry", "--config", file];
    const outputs = await Promise.all(Array.from({ length: 3 }, async () => {
      const { code, stdout, stderr } = await new Deno.Command(executable, { args }).output();
      assert(code === 0 || code === 1, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    }));
    const text = outputs.join("");
    const lines = text.split("\n").filter((line) => line.includes("  published as tasks:0:"));
    assert.equal(lines.length, RACED_LETTERS, text);
    assert.equal(await client.xlen(key), 2 * RACED_LETTERS, text);
  } finally {
    await client.quit();
    await Deno.remove(folder, { recursive: true });
  }
});
