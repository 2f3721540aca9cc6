import assert from "node:assert/strict";
import { join } from "node:path";
import { type ConfigInput, configSchema } from "../../src/config/schema.ts";
import { openBus } from "../../src/gateway/open_bus.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { OutboxFixture } from "../outbox/outbox_fixture.ts";
import type { EventReader } from "../support/event_reader.ts";
import { startGatewayProcess } from "../support/gateway_process.ts";
import { sharedKafka, sharedPostgres, sharedRedis } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const postgres = await sharedPostgres();
const redis = await sharedRedis();
const kafka = await sharedKafka();

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

const ROWS = 3_000;

/** Sources that take an outbox's rows, each with nodes that relay to it. */
const SOURCES: Readonly<Record<string, (stack: AsyncDisposableStack) => Promise<SourceInput>>> = {
  Redis: async () => ({ redis: { url: redis.url, stream: `outbox:${crypto.randomUUID()}` } }),
  Kafka: async (stack) => {
    const topic = stack.use(await TestTopic.create(kafka.brokers, 3));
    return { kafka: { brokers: [...topic.brokers], topic: topic.name } };
  },
};

for (const [kind, makeSource] of Object.entries(SOURCES)) {
  Deno.test(`outbox into ${kind}: a node that relays is killed, another goes on: every row is in the log, repeated ones with one identity`, async () => {
    await using stack = new AsyncDisposableStack();
    const outbox = stack.use(await OutboxFixture.open(postgres.url));
    const source: SourceInput = { ...await makeSource(stack), format: "tidegate" };
    const config = configFor(outbox, source);
    const first = stack.use(await startGatewayProcess({ config }));
    stack.use(await startGatewayProcess({ config }));
    await insertAll(outbox, () => first.kill());
    assertComplete(await readAll(source));
  });
}

Deno.test("outbox into an embedded log on disk: its node is killed and started again: every row is in the log, repeated ones with one identity", async () => {
  await using stack = new AsyncDisposableStack();
  const outbox = stack.use(await OutboxFixture.open(postgres.url));
  const source = (path: string): SourceInput => ({ embedded: { path }, format: "tidegate" });
  const node = stack.use(await startGatewayProcess({ config: configFor(outbox, source("log.db")) }));
  await insertAll(outbox, async () => {
    await node.kill();
    await node.restart();
  });
  await node.stop();
  assertComplete(await readAll(source(join(node.folder, "log.db"))));
});

for (const [kind, makeSource] of [...Object.entries(SOURCES), ["an embedded log", embedded] as const]) {
  Deno.test(`outbox into ${kind}: rows that no stream could carry are set aside with their reasons, and hold up none in their batch`, async () => {
    await using stack = new AsyncDisposableStack();
    const outbox = stack.use(await OutboxFixture.open(postgres.url));
    const { url, table, channel } = outbox;
    const running = stack.use(
      await RunningGateway.start({
        sources: { jobs: { ...await makeSource(stack), format: "tidegate" } },
        outbox: { url, table, channel, source: "jobs" },
        streams: { maxFrameBytes: "1KiB" },
      }),
    );
    const stream = stack.use(await running.stream(await running.tokenFor("alice")));
    await stream.next();
    await outbox.query(`INSERT INTO ${table} (event, scopes, data) VALUES ${ROWS_OF_ALL_KINDS.join(", ")}`);
    assert.deepEqual([await dataOfNext(stream), await dataOfNext(stream)], ["first", "last"]);
    while (await outbox.waiting() > 0) await outbox.query("SELECT pg_sleep(0.05)");
    const failures = await outbox.failures();
    assert.deepEqual(failures.length, REASONS.length, failures.join("\n"));
    for (const [index, reason] of REASONS.entries()) assert.match(String(failures[index]), reason);
  });
}

async function embedded(): Promise<SourceInput> {
  return { embedded: {} };
}

/** All of one scope, in one batch: one that can be delivered before, and one behind the others. */
const ROWS_OF_ALL_KINDS = [
  `('test.row-inserted', '{user:alice}', '"first"')`,
  `('test.row-inserted', '{user:alice}', to_jsonb(repeat('x', 1024)))`,
  `('test.row-inserted', '{user:alice}', (repeat('[', 100) || repeat(']', 100))::jsonb)`,
  `('test.row-inserted', '{user:alice}', (repeat('[', 5000) || repeat(']', 5000))::jsonb)`,
  `(E'test.row-inserted\nid: forged', '{user:alice}', '1')`,
  `('test.row-inserted', ARRAY[E'user:alice\n\ndata: forged'], '1')`,
  `('stream.closing', '{user:alice}', '1')`,
  `('test.row-inserted', '{user:alice}', '"last"')`,
];
const REASONS = [
  /^the row cannot be delivered \(too-large\): it takes \d+ bytes, more than the 1024 of one event$/,
  /^the row cannot be delivered \(too-deep\): /,
  /^the row (cannot be delivered \(too-(deep|large)\): |is nested too deep to be read)/,
  /^the row has no valid event$/,
  /^the row has no valid scopes$/,
  /^the row has no valid event$/,
];

async function dataOfNext(stream: EventReader): Promise<unknown> {
  return JSON.parse((await stream.next()).data).data;
}

type SourceInput = NonNullable<ConfigInput["sources"]>[string];

function configFor({ url, table, channel }: OutboxFixture, source: SourceInput): ConfigInput {
  return {
    sources: { jobs: source },
    outbox: { url, table, channel, source: "jobs", batchSize: 20, pollInterval: "100ms" },
  };
}

/** Inserts all rows, kills a node on the way, and waits until none is left. */
async function insertAll(outbox: OutboxFixture, kill: () => Promise<void>): Promise<void> {
  for (let count = 0; count < ROWS; count += 100) {
    await outbox.insert(Array.from({ length: 100 }, (_, index) => count + index), `user:${count % 7}`);
    if (count === 1_000) await kill();
  }
  while (await outbox.waiting() > 0) await outbox.query("SELECT pg_sleep(0.05)");
}

/** Every row at least once, repeated ones under one identity, and first copies of a scope in the order of their rows. */
function assertComplete(published: readonly PublishedRow[]): void {
  const byIdentity = new Map<string, PublishedRow>();
  for (const row of published) if (!byIdentity.has(row.identity)) byIdentity.set(row.identity, row);
  const rows = [...byIdentity.values()];
  assert.deepEqual(
    rows.map(({ data }) => data).sort((one, other) => one - other),
    Array.from({ length: ROWS }, (_, n) => n),
  );
  for (const ofScope of Object.values(Object.groupBy(rows, ({ scope }) => scope))) {
    const data = ofScope?.map((row) => row.data) ?? [];
    assert.deepEqual(data, data.toSorted((one, other) => one - other));
  }
}

interface PublishedRow {
  readonly identity: string;
  readonly scope: string;
  readonly data: number;
}

/** Everything that the source holds, partition by partition. */
async function readAll(input: SourceInput): Promise<readonly PublishedRow[]> {
  const source = configSchema.parse({ sources: { jobs: input } }).sources["jobs"];
  assert.ok(source !== undefined);
  await using bus = await openBus("jobs", source);
  const { partitions } = await bus.bounds();
  const decoder = new TextDecoder();
  const found: PublishedRow[] = [];
  for (const [partition, { first, next }] of partitions) {
    for await (const event of bus.readRange(partition, first, next, new AbortController().signal)) {
      if (event.kind !== "records") continue;
      for (const { key, headers, value } of event.records) {
        const { data } = JSON.parse(decoder.decode(value ?? undefined));
        const identity = decoder.decode(headers.get("tidegate-outbox-id"));
        // The first scope is the key: events of one scope keep their order.
        found.push({ identity, scope: decoder.decode(key ?? undefined), data });
      }
    }
  }
  return found;
}
