import assert from "node:assert/strict";
import { OutboxDelivery, type OutboxRows } from "../../src/outbox/outbox_delivery.ts";
import type { OutboxRow } from "../../src/outbox/outbox_row.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";
import { recordsOf } from "./outbox_fixture.ts";
import { RecordingBus } from "./recording_bus.ts";

const MAX_ATTEMPTS = 3;
const BATCH_SIZE = 4;
const MAX_RECORD_BYTES = 1_000;

Deno.test("OutboxDelivery: publishes a batch as one and deletes it after the bus took it", async () => {
  const world = new World([["user:1", 1], ["user:2", 2]]);
  assert.deepEqual(await world.turn(), { published: 2, failed: 0, refusal: undefined });
  assert.deepEqual([world.bus.batches.length, world.waiting], [1, []]);
});

Deno.test("OutboxDelivery: a bus that is away takes no order and no row, however long", async () => {
  const world = new World([["user:1", 1], ["user:1", 2], ["user:2", 3], ["user:1", 4], ["user:1", 5]]);
  world.bus.isAway = true;
  for (let turns = 0; turns < 100; turns++) assert.equal((await world.turn()).published, 0);
  world.bus.isAway = false;
  await world.turnUntilEmpty();
  assert.deepEqual(world.bus.data, [1, 2, 3, 4, 5]);
  assert.deepEqual(world.failed, []);
});

Deno.test("OutboxDelivery: a bus that comes back at any moment of a pass gets each scope's rows in their order", async () => {
  for (let refusals = 1; refusals < 60; refusals++) {
    const world = new World([["user:1", 1], ["user:1", 2], ["user:1", 3], ["user:1", 4], ["user:1", 5]]);
    let left = refusals;
    const isBack = () => left-- <= 0;
    world.bus.before = () => {
      if (!isBack()) throw new Error("the bus is away");
    };
    world.bus.isReachable = () => Promise.resolve(isBack());
    await world.turnUntilEmpty();
    assert.deepEqual(world.bus.data, [1, 2, 3, 4, 5], `${refusals} refusals`);
    assert.deepEqual(world.failed, []);
  }
});

Deno.test("OutboxDelivery: refused rows are set aside once others went, also more of them than a batch holds", async () => {
  const poison = (data: unknown) => typeof data === "string";
  const rows: [string, unknown][] = Array.from({ length: 11 }, (_, index) => [`user:${index % 3}`, `poison ${index}`]);
  const good: [string, unknown][] = Array.from({ length: 40 }, (_, index) => ["user:9", index]);
  const world = new World([...rows, ...good], poison);
  await world.turnUntilEmpty();
  assert.deepEqual(new Set(world.bus.data), new Set(good.map(([, data]) => data)));
  assert.deepEqual(new Set(world.failed), new Set(rows.map(([, data]) => data)));
});

Deno.test("OutboxDelivery: one refused row of an application's only scope does not hold it up for good", async () => {
  const world = new World(
    [["global", "poison"], ["global", 1], ["global", 2], ["global", 3]],
    (data) => data === "poison",
  );
  await world.turnUntilEmpty();
  assert.deepEqual([world.bus.data, world.failed], [[1, 2, 3], ["poison"]]);
});

Deno.test("OutboxDelivery: a refused row that is alone is kept, for nothing tells it from a bus that is away", async () => {
  const world = new World([["global", "alone"]], () => true);
  for (let turns = 0; turns < 100; turns++) await world.turn();
  assert.deepEqual([world.waiting, world.failed], [["alone"], []]);
});

/** A table in memory and what the bus refuses. */
class World implements OutboxRows {
  readonly bus = new RecordingBus();
  readonly failed: unknown[] = [];
  readonly #random = new SeededRandom(4);
  readonly #delivery = new OutboxDelivery(
    this.bus,
    recordsOf(MAX_RECORD_BYTES),
    MAX_ATTEMPTS,
    () => this.#random.next(),
  );
  #rows: readonly OutboxRow[];

  constructor(rows: readonly (readonly [scope: string, data: unknown])[], isPoison?: (data: unknown) => boolean) {
    this.#rows = rows.map(([scope, data], index) => rowOf(BigInt(index), scope, data));
    this.bus.before = (batch) => {
      if (isPoison !== undefined && batch.some(({ data }) => isPoison(data))) throw new Error("refused");
    };
  }

  get waiting(): readonly unknown[] {
    return this.#rows.map(({ data }) => JSON.parse(data ?? "null"));
  }

  turn() {
    return this.#delivery.deliver(this.#rows.slice(0, BATCH_SIZE), this);
  }

  async turnUntilEmpty(): Promise<void> {
    for (let turns = 0; this.#rows.length > 0; turns++) {
      assert.ok(turns < 500, `still waiting: ${this.waiting}`);
      await this.turn();
    }
  }

  rowBehind(skipped: number): Promise<OutboxRow | undefined> {
    return Promise.resolve(this.#rows[skipped]);
  }

  remove(ids: readonly bigint[]): Promise<void> {
    this.#rows = this.#rows.filter(({ id }) => !ids.includes(id));
    return Promise.resolve();
  }

  markFailed(row: OutboxRow): Promise<void> {
    this.failed.push(JSON.parse(row.data ?? "null"));
    return this.remove([row.id]);
  }
}

function rowOf(id: bigint, scope: string, content: unknown): OutboxRow {
  const data = JSON.stringify(content);
  return {
    id,
    recordID: `00000000-0000-0000-0000-${id.toString().padStart(12, "0")}`,
    event: "test.row-inserted",
    scopes: [scope],
    audience: [],
    data,
    dataBytes: data.length,
    priority: "normal",
    conflationKey: null,
    version: 1,
    time: "2026-11-24T04:00:00.000Z",
  };
}
