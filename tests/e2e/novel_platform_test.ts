/** docs/examples/novel-platform, run as it is on real Kafka and Redis: its sample records in, what each reader may see out. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { SignJWT } from "jose";
import { loadConfig } from "../../src/config/load_config.ts";
import { startGateway } from "../../src/gateway/start_gateway.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { EventReader } from "../support/event_reader.ts";
import { type ExampleRecord, readExampleRecords } from "../support/example_records.ts";
import { sharedKafka, sharedRedis } from "../support/shared_servers.ts";

const FILE = "docs/examples/novel-platform/tidegate.yaml";
const SECRET = "a secret of the tests, 32 bytes or more long";

const kafka = await sharedKafka();
const redis = await sharedRedis();

Deno.test("the novel platform's example runs: every reader gets what the mapping says, and nothing else", async () => {
  const folder = await Deno.makeTempDir();
  const key = `notifications-${crypto.randomUUID()}`;
  await using topics = await exampleTopics();
  const client = new Redis(redis.url);
  try {
    await using gateway = await exampleGateway(folder, topics, key);
    await using ada = await gateway.stream({ sub: "u-42", sid: "s-9f3", novel_ids: ["n-7", "9007199254740993"] });
    await using bo = await gateway.stream({ sub: "u-43", sid: "s-1", novel_ids: [] });
    await using thief = await gateway.stream({ sub: "u-666", sid: "s-9f3", novel_ids: ["n-8"] });

    for (const each of (await readExampleRecords()).records) await write(each, topics, client, key, gateway.publish);
    // Sources are independent of each other: the stream has the order of each, and none between them.
    assert.deepEqual(
      (await namesOf(ada, 7)).toSorted(),
      [
        "chapter.draft-extended",
        "content.updated c-3",
        "content.updated 9007199254740993",
        "novel.presence-changed",
        "system.notification-sent a-1",
        "task.progress-updated t-1041",
        "task.status-changed t-1041",
      ].toSorted(),
    );
    assert.deepEqual((await namesOf(bo, 3)).toSorted(), [
      "novel.member-added",
      "system.notification-sent a-1",
      "system.notification-sent m-5",
    ]);
    assert.deepEqual(await namesOf(thief, 1), ["system.notification-sent a-1"], "a session without its novel");
    // Everything was read by now; what somebody had got besides would stand before this.
    await gateway.publish(JSON.stringify({ event: "test.ended", scope: "global", data: {} }));
    for (const stream of [ada, bo, thief]) assert.deepEqual(await namesOf(stream, 1), ["test.ended"]);
    for (const { text } of [ada, bo, thief]) {
      assert.doesNotMatch(
        text,
        /@example\.com|sk-example|inv-example|You are a novelist|gpu-17|best of tides|logprobs/,
      );
    }
  } finally {
    await client.del(key);
    await client.quit();
    await Deno.remove(folder, { recursive: true });
  }
});

type Publish = (body: string) => Promise<void>;

/** A topic for each of the example's Kafka sources. */
async function exampleTopics(): Promise<AsyncDisposable & { readonly of: (source: string) => TestTopic | undefined }> {
  const stack = new AsyncDisposableStack();
  const topics = new Map<string, TestTopic>();
  for (const source of ["tasks", "novels", "chapters"]) {
    topics.set(source, stack.use(await TestTopic.create(kafka.brokers, 1)));
  }
  return { of: (source) => topics.get(source), [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The example's own file, with nothing set but addresses, names of logs, and a secret instead of the key set. */
async function exampleGateway(folder: string, topics: Awaited<ReturnType<typeof exampleTopics>>, key: string) {
  const set = (path: string, value: string) => ({ flag: "--set", path, value });
  const loaded = loadConfig({
    file: FILE,
    env: {
      KAFKA_BROKER: kafka.brokers[0] ?? "",
      REDIS_URL: redis.url,
      PUBLISHED_LOG: `${folder}/published.db`,
      DEAD_LETTER_LOG: `${folder}/dead-letters.db`,
      TIDEGATE_AUTH_ISSUERS_0_SECRET: SECRET,
    },
    flags: [
      set("server.port", "0"),
      set("server.adminPort", "0"),
      set("drain.window", "0ms"),
      set("sources.notifications.redis.stream", key),
      ...["tasks", "novels", "chapters"].map((name) => set(`sources.${name}.kafka.topic`, topics.of(name)?.name ?? "")),
    ],
  });
  assert.equal(loaded.kind, "ok", JSON.stringify(loaded.kind === "problems" && loaded.problems));
  if (loaded.kind !== "ok") throw new Error("Cannot run the example: its configuration is refused");
  const gateway = await startGateway(loaded.config);
  await Promise.race([gateway.ready, gateway.failed]);
  const url = `http://127.0.0.1:${gateway.port}/api/v1/events`;
  const publish: Publish = async (body) => {
    const token = await tokenWith({
      sub: "backend",
      sid: "s",
      novel_ids: [],
      roles: ["backend"],
      permissions: ["events:publish"],
    });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body });
    assert.equal(response.status, 201, await response.text());
  };
  const stream = async (claims: Record<string, unknown>) => {
    const reader = await EventReader.open(`${url}/stream`, { authorization: `Bearer ${await tokenWith(claims)}` });
    assert.equal((await reader.next()).event, "stream.opened");
    return reader;
  };
  return { publish, stream, [Symbol.asyncDispose]: () => gateway.drain() };
}

async function tokenWith(claims: Record<string, unknown>): Promise<string> {
  return await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setIssuer("https://id.write.example.com")
    .setAudience("tidegate").setIssuedAt().setExpirationTime("10m").sign(new TextEncoder().encode(SECRET));
}

async function write(
  { source, record, text }: ExampleRecord,
  topics: Awaited<ReturnType<typeof exampleTopics>>,
  client: Redis,
  key: string,
  publish: Publish,
): Promise<void> {
  const topic = topics.of(source);
  if (topic !== undefined) {
    const headers = Object.fromEntries(
      [...record.headers].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
    );
    const recordKey = record.key === null ? null : new TextDecoder().decode(record.key);
    await topic.produce(0, [{ key: recordKey, value: text, headers }]);
  } else if (source === "notifications") {
    await client.xadd(key, "*", "value", text);
  } else {
    const { time: _time, ...event } = JSON.parse(text);
    await publish(JSON.stringify(event));
  }
}

/** The next events, named by event and subject. */
async function namesOf(stream: EventReader, count: number): Promise<string[]> {
  const names: string[] = [];
  while (names.length < count) {
    const { event, data } = await stream.next(30_000);
    const { data: { taskId, contentId, notificationId } } = JSON.parse(data);
    names.push([event, taskId ?? contentId ?? notificationId].filter((part) => part !== undefined).join(" "));
  }
  return names;
}
