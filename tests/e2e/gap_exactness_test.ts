/** Whoever comes back with any cursor gets exactly what follows it, and of what is gone one gap with its true ends, and none else. */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import type { ConfigInput } from "../../src/config/schema.ts";
import { type OffsetFormat, parseOffset } from "../../src/model/position.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";
import { seeds } from "../simulation/seeds.ts";
import type { EventReader } from "../support/event_reader.ts";
import { sharedRedis } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

const redis = await sharedRedis();
const USERS = ["alice", "bob"];
/** Fewer than the log holds, so that some replays are the journal's and some the log's. */
const JOURNAL = { maxEvents: 30 };
const KEPT = 100;

interface PublishedEvent {
  readonly offset: bigint;
  readonly user: string;
}

/** One gateway whose log forgets, what was published to it, and every cursor that alice was told. */
class Exam {
  readonly #live: EventReader;
  readonly #running: RunningGateway;
  readonly #random: SeededRandom;
  readonly #format: OffsetFormat;
  readonly #token: string;
  readonly #published: PublishedEvent[] = [];
  readonly #cursors: string[] = [];
  gaps = 0;
  completeResumes = 0;

  constructor(running: RunningGateway, random: SeededRandom, format: OffsetFormat, token: string, live: EventReader) {
    this.#live = live;
    this.#running = running;
    this.#random = random;
    this.#format = format;
    this.#token = token;
  }

  async publish(): Promise<void> {
    const users = Array.from({ length: this.#random.between(0, 40) }, () => this.#random.pick(USERS));
    users.push("alice");
    const events = users.map((user) => ({ event: "test.cut-made", scope: `user:${user}`, data: null }));
    const { ids } = await (await this.#running.publish(this.#token, events)).json();
    for (const [index, user] of users.entries()) this.#published.push({ offset: this.#offsetOf(ids[index]), user });
    // The log has it; that the node has read it is seen by who is there.
    await this.#live.until(({ id }) => id?.startsWith(`${ids.at(-1)}~`) === true);
  }

  /** Comes back with some cursor of all that were told, and holds what comes against what is in the log. */
  async resume(): Promise<void> {
    const cursor = this.#random.chance(0.5) ? this.#cursors.at(-1) : this.#random.pick(this.#cursors);
    // Asked before: it makes the embedded log forget what it need not keep, and during a replay that would be a loss of its own.
    const first = (await this.#bus.bounds()).partitions.get(0)?.first ?? 0n;
    const headers = cursor === undefined ? {} : { "last-event-id": cursor };
    await using stream = await this.#running.stream(this.#token, "?scope=user:alice", headers);
    const opened = await stream.next();
    if (cursor === undefined) return void this.#cursors.push(opened.id ?? "");
    const after = this.#offsetOf(cursor);
    const blocks = await stream.until(({ event }) => event === "stream.caught-up");
    let behind = after;
    for (const { event, id, data } of blocks) {
      const place = event === "stream.gap-detected" ? this.#gapPlace(JSON.parse(data), first) : undefined;
      const [from, to] = place ?? [this.#offsetOf(id ?? ""), this.#offsetOf(id ?? "")];
      if (event === "stream.caught-up") break;
      // In order, and nothing left out in between.
      assert.ok(from > behind, `${event} at ${from} comes behind ${behind}`);
      assert.deepEqual(this.#alicesBetween(behind, from), [], `before ${event} at ${from}`);
      behind = to;
    }
    assert.deepEqual(this.#alicesBetween(behind, this.#published.at(-1)?.offset ?? 0n, true), [], "to the end");
    if (blocks.some(({ event }) => event === "stream.gap-detected")) this.gaps++;
    else this.completeResumes++;
    for (const { id } of [opened, ...blocks]) if (id !== undefined && /^\w+:0:/.test(id)) this.#cursors.push(id);
  }

  /** First and last offset of a gap. What the node still had somewhere is no part of it, though the log has lost it. */
  #gapPlace(gap: Readonly<Record<string, unknown>>, first: bigint): readonly [from: bigint, to: bigint] {
    assert.deepEqual([gap["partition"], gap["resync"], gap["reason"]], [0, true, "trimmed"]);
    const [from, to] = [gap["from"], gap["to"]].map((text) => parseOffset(String(text), this.#format));
    assert.ok(
      from !== undefined && to !== undefined && from <= to && to < first,
      `${gap["to"]} is gone: ${first} is the first`,
    );
    const lost = this.#published.filter(({ offset }) => offset >= from && offset <= to).length;
    // A log with holes cannot tell whether there was something right behind an entry that it has trimmed away itself.
    assert.ok(lost > 0 || this.#format === "ms-seq", "something is lost");
    assert.ok(gap["lost"] === null || gap["lost"] === lost, `${gap["lost"]} are said to be lost, and ${lost} are`);
    return [from, to];
  }

  #alicesBetween(after: bigint, before: bigint, isLastIncluded = false): readonly bigint[] {
    return this.#published.filter(({ user, offset }) =>
      user === "alice" && offset > after && (offset < before || isLastIncluded && offset === before)
    ).map(({ offset }) => offset);
  }

  get #bus() {
    const bus = this.#running.gateway.bus("events");
    assert.ok(bus !== undefined);
    return bus;
  }

  /** Of an identity or of a cursor, which begins with one. */
  #offsetOf(id: string): bigint {
    const offset = parseOffset(id.split("~")[0]?.split(":")[2] ?? "", this.#format);
    assert.ok(offset !== undefined, `${id} begins with an identity`);
    return offset;
  }
}

async function examine(
  settings: ConfigInput,
  format: OffsetFormat,
  cuts: number,
  trim: () => Promise<void>,
): Promise<void> {
  const [seed] = seeds(1);
  const random = new SeededRandom(seed);
  await using running = await RunningGateway.start({
    ...settings,
    journal: JOURNAL,
    publish: { source: "events" },
    streams: { openRate: { perSecond: 10_000, burst: 100_000 } },
  });
  const token = await running.tokenFor("alice");
  await using live = await running.stream(token);
  const exam = new Exam(running, random, format, token, live);
  try {
    await exam.publish();
    await exam.resume();
    for (let cut = 0; cut < cuts; cut++) {
      if (random.chance(0.4)) await exam.publish();
      if (random.chance(0.2)) await trim();
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
}

Deno.test("1,000 random cuts on the embedded log: each resume is exact, with tight gaps where something is gone and none elsewhere", async () => {
  const source = { embedded: { retention: { maxRecords: KEPT } }, format: "tidegate" as const };
  await examine({ sources: { events: source } }, "integer", 1_000, () => Promise.resolve());
});

Deno.test("100 random cuts on a Redis stream that is trimmed: each resume is exact", async () => {
  const stream = `cuts:${crypto.randomUUID()}`;
  const client = new Redis(redis.url);
  try {
    const source = { redis: { url: redis.url, stream }, format: "tidegate" as const };
    await examine({ sources: { events: source } }, "ms-seq", 100, async () => {
      await client.xtrim(stream, "MAXLEN", 50);
    });
  } finally {
    await client.quit();
  }
});
