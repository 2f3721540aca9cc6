/** Nodes as processes on one Kafka and one Redis: what one knows after a crash, and whether two say the same. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { type GatewayProcess, signToken, startGatewayProcess } from "../support/gateway_process.ts";
import { sharedKafka, sharedRedis } from "../support/shared_servers.ts";

const kafka = await sharedKafka();
const redis = await sharedRedis();
const PARTITIONS = 3;
const RECORDS = 300;

interface Answer {
  /** The deepest place that was read. */
  readonly from: string;
  readonly identities: readonly string[];
  /** Behind each event: the cursor that was told with it. */
  readonly cursors: readonly string[];
}

/** All that follows a cursor, up to now. */
async function resume(node: GatewayProcess, cursor: string): Promise<Answer> {
  await using stream = await node.stream(await signToken("alice"), "?scope=user:alice", { "last-event-id": cursor });
  const blocks = await stream.until(({ event }) => event === "stream.caught-up", 30_000);
  assert.deepEqual(blocks.filter(({ event }) => event === "stream.gap-detected"), []);
  const cursors = blocks.filter(({ event }) => event === "test.record-written").map(({ id }) => id ?? "");
  const { from } = JSON.parse(blocks.at(-1)?.data ?? "");
  return { from, cursors, identities: cursors.map((id) => id.split("~")[0] ?? "") };
}

/** In the order of each partition: between partitions there is none. */
function byPartition(identities: readonly string[]): Readonly<Record<string, readonly string[] | undefined>> {
  return Object.groupBy(identities, (identity) => identity.split(":").slice(0, 2).join(":"));
}

Deno.test("a node that was killed is ready when its journal is full again, and two nodes answer any cursor of either alike", async () => {
  await using topic = await TestTopic.create(kafka.brokers, PARTITIONS);
  const stream = `notes:${crypto.randomUUID()}`;
  const client = new Redis(redis.url);
  try {
    const write = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        const value = JSON.stringify({ n, user_id: n % 3 === 0 ? "bob" : "alice" });
        if (n % 4 === 0) await client.xadd(stream, "*", "value", value);
        else await topic.produce(n % PARTITIONS, [{ value }]);
      }
    };
    const rule = { event: "test.record-written", scope: "user:{user_id}", fields: { n: "n" } };
    const config = {
      sources: {
        tasks: { kafka: { brokers: [...topic.brokers], topic: topic.name } },
        notes: { redis: { url: redis.url, stream } },
      },
      mappings: { rules: ["tasks", "notes"].map((source) => ({ ...rule, name: source, source })) },
      history: { redis: { url: redis.url, prefix: stream } },
      streams: { openRate: { perSecond: 1_000, burst: 1_000 } },
    };
    await using first = await startGatewayProcess({ config });
    await using second = await startGatewayProcess({ config });
    await using live = await first.stream(await signToken("alice"), "?scope=user:alice");
    const begin = (await live.next()).id ?? "";
    await write(0, RECORDS);
    const expected = RECORDS - RECORDS / 3;
    let before = await resume(first, begin);
    while (before.identities.length < expected) before = await resume(first, begin);
    await first.kill();
    await write(RECORDS, RECORDS + 60);
    // Resolves with the first 200 of /readyz.
    await first.restart();
    // Some event's cursor: the first one is from before there was anything in the stream, whose log then has to be asked.
    const early = await resume(first, before.cursors[20] ?? "");
    assert.equal(early.from, "journal", "whatever was there before it was ready is in its memory");
    assert.deepEqual(
      byPartition([...before.identities.slice(0, 21), ...early.identities]),
      byPartition((await resume(first, begin)).identities),
    );
    const afterCrash = await resume(first, begin);
    assert.equal(afterCrash.identities.length, expected + 40);

    while ((await resume(second, begin)).identities.length < expected + 40) continue;
    const ofSecond = await resume(second, begin);
    assert.deepEqual(byPartition(ofSecond.identities), byPartition(afterCrash.identities));
    const cursors = [...afterCrash.cursors, ...ofSecond.cursors].filter((_, index) => index % 9 === 0);
    for (const cursor of cursors) {
      const [one, other] = [await resume(first, cursor), await resume(second, cursor)];
      assert.deepEqual(byPartition(one.identities), byPartition(other.identities), cursor);
    }
  } finally {
    await client.del(stream);
    await client.quit();
  }
});
