/** Whoever comes back with any cursor gets exactly what follows it, and of what is gone one gap with its true ends, and none else. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import type { LogBounds } from "../../src/bus/event_bus.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import type { GapReason } from "../../src/model/gap.ts";
import { type OffsetFormat, parseOffset } from "../../src/model/position.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { readCursor } from "../checker/read_cursor.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";
import { seeds } from "../simulation/seeds.ts";
import type { EventReader } from "../support/event_reader.ts";
import { sharedKafka, sharedRedis } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const [kafka, redis] = await Promise.all([sharedKafka(), sharedRedis()]);
/** Of three partitions each gets some of both. */
const ALICES_SCOPES = ["user:alice", "novel:1", "novel:2", "novel:3", "novel:4"];
const OTHER_SCOPES = ["user:bob", "novel:5", "novel:6", "novel:7", "novel:8"];
/** Fewer than the log holds, so that some replays are the journal's and some the log's. */
const JOURNAL = { maxEvents: 30 };
const KEPT = 100;

interface Place {
  readonly partition: number;
  readonly offset: bigint;
}

interface PublishedEvent extends Place {
  readonly isAlices: boolean;
}

/** What of an exam depends on the middleware. */
interface ExamLog {
  readonly format: OffsetFormat;
  /** Of a gap where the log has forgotten something. */
  readonly reason: GapReason;
  /** Whether some offsets are of no record: entry IDs are no numbers in a row, and a transaction of Kafka's ends with a marker. */
  readonly hasHoles: boolean;
}

/** One gateway whose log forgets, what was published to it, and every cursor that alice was told. */
class Exam {
  readonly #live: EventReader;
  readonly #running: RunningGateway;
  readonly #random: SeededRandom;
  readonly #log: ExamLog;
  readonly #token: string;
  readonly #published: PublishedEvent[] = [];
  readonly #cursors: string[] = [];
  /** Partitions in which a gap was told. */
  readonly gapPartitions = new Set<number>();
  gaps = 0;
  completeResumes = 0;

  constructor(running: RunningGateway, random: SeededRandom, log: ExamLog, token: string, live: EventReader) {
    this.#live = live;
    this.#running = running;
    this.#random = random;
    this.#log = log;
    this.#token = token;
  }

  async publish(): Promise<void> {
    const all = [...ALICES_SCOPES, ...OTHER_SCOPES];
    const scopes = Array.from({ length: this.#random.between(0, 40) }, () => this.#random.pick(all));
    scopes.push("user:alice");
    const events = scopes.map((scope) => ({ event: "test.cut-made", scope, data: null }));
    const { ids } = await (await this.#running.publish(this.#token, events)).json();
    const alices = new Set<string>();
    for (const [index, scope] of scopes.entries()) {
      const isAlices = ALICES_SCOPES.includes(scope);
      this.#published.push({ ...this.#placeOf(ids[index]), isAlices });
      if (isAlices) alices.add(ids[index]);
    }
    // The log has them; that the node has read them is seen by who is there.
    await this.#live.until(({ id = "" }) => alices.delete(id.split("~")[0] ?? "") && alices.size === 0);
  }

  /** Comes back with some cursor of all that were told, and holds what comes against what is in the log. */
  async resume(): Promise<void> {
    const cursor = this.#random.chance(0.5) ? this.#cursors.at(-1) : this.#random.pick(this.#cursors);
    // Asked before: it makes the embedded log forget what it need not keep, and during a replay that would be a loss of its own.
    const { epoch, partitions } = await this.#bus.bounds();
    const headers = cursor === undefined ? {} : { "last-event-id": cursor };
    await using stream = await this.#running.stream(this.#token, "", headers);
    const opened = await stream.next();
    if (cursor === undefined) return void this.#cursors.push(opened.id ?? "");
    const source = { source: "events", format: this.#log.format, epochs: [{ epoch, partitions: [] }] };
    const next = [...readCursor(cursor, [source])?.positions.get("events")?.next ?? []];
    assert.equal(next.length, partitions.size, `${cursor} has a position in every partition`);
    const blocks = await stream.until(({ event }) => event === "stream.caught-up");
    for (const { event, id = "", data } of blocks.slice(0, -1)) {
      const place = event === "stream.gap-detected" ? this.#gapPlace(JSON.parse(data), partitions) : this.#placeOf(id);
      const { partition, offset, last = offset } = place;
      const at = next[partition] ?? 0n;
      // In order, and nothing left out in between.
      assert.ok(offset >= at, `${event} at ${partition}:${offset} comes when ${partition}:${at} is due`);
      assert.deepEqual(this.#alicesIn(partition, at, offset), [], `before ${event} at ${partition}:${offset}`);
      next[partition] = last + 1n;
    }
    for (const [partition, at] of next.entries()) {
      assert.deepEqual(this.#alicesIn(partition, at), [], `from ${partition}:${at} to the end`);
    }
    if (blocks.some(({ event }) => event === "stream.gap-detected")) this.gaps++;
    else this.completeResumes++;
    for (const { id } of [opened, ...blocks]) if (id !== undefined && /^\w+:\d+:/.test(id)) this.#cursors.push(id);
  }

  /** First and last offset of a gap. What the node still had somewhere is no part of it, though the log has lost it. */
  #gapPlace(gap: Readonly<Record<string, unknown>>, partitions: LogBounds["partitions"]): Place & { last: bigint } {
    assert.deepEqual([gap["resync"], gap["reason"]], [true, this.#log.reason]);
    const partition = Number(gap["partition"]);
    const first = partitions.get(partition)?.first ?? 0n;
    const [from, to] = [gap["from"], gap["to"]].map((text) => parseOffset(String(text), this.#log.format));
    assert.ok(
      from !== undefined && to !== undefined && from <= to && to < first,
      `${partition}:${gap["to"]} is gone: ${first} is the first`,
    );
    const lost =
      this.#published.filter((event) => event.partition === partition && event.offset >= from && event.offset <= to)
        .length;
    // A log with holes cannot tell whether there was something in one that it has let go of.
    assert.ok(lost > 0 || this.#log.hasHoles, "something is lost");
    assert.ok(gap["lost"] === null || gap["lost"] === lost, `${gap["lost"]} are said to be lost, and ${lost} are`);
    this.gapPartitions.add(partition);
    return { partition, offset: from, last: to };
  }

  /** Of a partition, from an offset up to another, or to the end. */
  #alicesIn(partition: number, from: bigint, to?: bigint): readonly bigint[] {
    return this.#published.filter((event) =>
      event.isAlices && event.partition === partition && event.offset >= from && (to === undefined || event.offset < to)
    ).map(({ offset }) => offset);
  }

  get #bus() {
    const bus = this.#running.gateway.bus("events");
    assert.ok(bus !== undefined);
    return bus;
  }

  /** Of an identity or of a cursor, which begins with one. */
  #placeOf(id: string): Place & { readonly last?: bigint } {
    const [, partition, text] = id.split("~")[0]?.split(":") ?? [];
    const offset = parseOffset(text ?? "", this.#log.format);
    assert.ok(offset !== undefined, `${id} begins with an identity`);
    return { partition: Number(partition), offset };
  }
}

/** Gives the exam, for what else is to be asked of it. */
async function examine(
  settings: ConfigInput,
  log: ExamLog,
  cuts: number,
  trim: (random: SeededRandom) => Promise<void>,
) {
  const [seed] = seeds(1);
  const random = new SeededRandom(seed);
  await using running = await RunningGateway.start({
    ...settings,
    journal: JOURNAL,
    publish: { source: "events" },
    streams: { openRate: { perSecond: 10_000, burst: 100_000 } },
  });
  const token = await running.tokenFor("alice", ALICES_SCOPES);
  await using live = await running.stream(token);
  const exam = new Exam(running, random, log, token, live);
  try {
    await exam.publish();
    await exam.resume();
    for (let cut = 0; cut < cuts; cut++) {
      if (random.chance(0.4)) await exam.publish();
      if (random.chance(0.2)) await trim(random);
      await exam.resume();
    }
  } catch (error) {
    throw new Error(`TIDEGATE_SEED=${seed} repeats it`, { cause: error });
  }
  // Cuts that never met one or the other would prove nothing of it.
  assert.ok(
    exam.gaps > cuts / 20 && exam.completeResumes > cuts / 20,
    `${exam.gaps} gaps, ${exam.completeResumes} none`,
  );
  return exam;
}

Deno.test("1,000 random cuts on the embedded log: each resume is exact, with tight gaps where something is gone and none elsewhere", async () => {
  const source = { embedded: { retention: { maxRecords: KEPT } }, format: "tidegate" as const };
  await examine(
    { sources: { events: source } },
    { format: "integer", reason: "trimmed", hasHoles: false },
    1_000,
    async () => {},
  );
});

Deno.test("100 random cuts on a Redis stream that is trimmed: each resume is exact", async () => {
  const stream = `cuts:${crypto.randomUUID()}`;
  const client = new Redis(redis.url);
  try {
    const source = { redis: { url: redis.url, stream }, format: "tidegate" as const };
    await examine(
      { sources: { events: source } },
      { format: "ms-seq", reason: "trimmed", hasHoles: true },
      100,
      async () => {
        await client.xtrim(stream, "MAXLEN", 50);
      },
    );
  } finally {
    await client.quit();
  }
});

Deno.test("100 random cuts on a Kafka topic of three partitions whose records are deleted: each resume is exact", async () => {
  await using topic = await TestTopic.create(kafka.brokers, 3);
  const source = { kafka: { brokers: [...topic.brokers], topic: topic.name }, format: "tidegate" as const };
  const log = { format: "integer", reason: "retention", hasHoles: true } as const;
  const { gapPartitions } = await examine({ sources: { events: source } }, log, 100, async (random) => {
    for (const partition of [0, 1, 2]) {
      const { low, high } = await topic.offsets(partition);
      const first = high - BigInt(random.between(0, 25));
      if (random.chance(0.7) && first > low) await topic.deleteRecordsBefore(partition, first);
    }
  });
  assert.equal(gapPartitions.size, 3);
});
