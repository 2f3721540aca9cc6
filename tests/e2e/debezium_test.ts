/** One transaction, two outboxes: what Debezium carries through Kafka and what our own relay does reach the browser alike. */
import assert from "node:assert/strict";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { OutboxFixture } from "../outbox/outbox_fixture.ts";
import { startDebezium } from "../support/debezium_connector.ts";
import { startPostgres } from "../support/postgres_server.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const kafka = await sharedKafka();
const ROWS = 50;

Deno.test("Debezium's outbox through Kafka gives the events that the relay gives: names, scopes, data, order", async () => {
  await using postgres = await startPostgres({ settings: { wal_level: "logical" } });
  await using outbox = await OutboxFixture.open(postgres.url);
  const table = outbox.table.replace("event_outbox", "debezium_outbox");
  await outbox.query(`CREATE TABLE ${table} (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL, payload jsonb NOT NULL)`);
  await using relayed = await TestTopic.create(kafka.brokers, 1);
  await using routed = await TestTopic.create(kafka.brokers, 1);
  await using debezium = await startDebezium({
    brokers: kafka.brokers,
    postgresUrl: postgres.url,
    table,
    topic: routed.name,
  });
  assert.ok(debezium.pid !== null);
  const brokers = [...kafka.brokers];
  await using running = await RunningGateway.start({
    sources: {
      relayed: { kafka: { brokers, topic: relayed.name }, format: "tidegate" },
      routed: { kafka: { brokers, topic: routed.name }, format: "debezium-outbox" },
    },
    outbox: { url: postgres.url, table: outbox.table, channel: outbox.channel, source: "relayed" },
    mappings: {
      rules: [{
        name: "routed",
        source: "routed",
        event: {
          from: "$envelope.type",
          table: { ChapterSaved: "chapter.text-saved", NovelRenamed: "novel.title-changed" },
        },
        scope: "user:{user_id}",
        fields: { chapter: "chapter", words: "words" },
      }],
    },
  });
  await using stream = await running.stream(await running.tokenFor("alice"));
  await stream.next();

  for (let n = 0; n < ROWS; n++) {
    const type = n % 3 === 0 ? "NovelRenamed" : "ChapterSaved";
    const event = n % 3 === 0 ? "novel.title-changed" : "chapter.text-saved";
    const user = n % 5 === 0 ? "bob" : "alice";
    const data = JSON.stringify({ chapter: n, words: 9_007_199_254_740_993n.toString() });
    await outbox.query("BEGIN");
    await outbox.query(`INSERT INTO ${outbox.table} (event, scopes, data) VALUES ($1, ARRAY[$2], $3)`, [
      event,
      `user:${user}`,
      data,
    ]);
    // Debezium's row carries whom it is for within the payload, and a field that no rule lets out.
    await outbox.query(
      `INSERT INTO ${table} (aggregatetype, aggregateid, type, payload) VALUES ('novel', '7', $1, $2::jsonb || jsonb_build_object('user_id', $3::text, 'prompt', 'secret'))`,
      [type, data, user],
    );
    await outbox.query(n % 10 === 9 ? "ROLLBACK" : "COMMIT");
  }

  const expected = Array.from({ length: ROWS }, (_, n) => n).filter((n) => n % 5 !== 0 && n % 10 !== 9);
  const ways: Record<string, unknown[]> = { relayed: [], routed: [] };
  while (Object.values(ways).some((events) => events.length < expected.length)) {
    const { event, id, data } = await stream.next(60_000);
    assert.ok(!event.startsWith("stream."), `${event} ${data}`);
    const { scope, version, data: sent } = JSON.parse(data);
    ways[id?.split(":")[0] ?? ""]?.push({ event, scope, version, data: sent });
  }
  assert.deepEqual(ways["routed"], ways["relayed"]);
  assert.deepEqual(ways["relayed"]?.map((each) => (each as { data: { chapter: number } }).data.chapter), expected);
  assert.equal(stream.text.includes("secret"), false);
});
