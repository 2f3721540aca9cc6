import assert from "node:assert/strict";
import { BusError } from "../../src/bus/event_bus.ts";
import type { DeadLetterEntry, DeadLetterPlace } from "../../src/gateway/dead_letter_place.ts";
import { DeadLetterWriter, MAX_APPEND_BYTES, MAX_WAITING_DEAD_LETTERS } from "../../src/gateway/dead_letter_writer.ts";
import { record } from "../pipeline/mapped.ts";

/** A place that takes entries when the test lets it. */
class SlowPlace implements DeadLetterPlace {
  readonly name = "the tests' place";
  readonly taken: string[] = [];
  readonly kind: "source" | "file";
  gate = Promise.withResolvers<void>();
  room = Infinity;
  /** Refuses whatever has this letter. */
  tooLarge = "";
  readonly appends: (readonly DeadLetterEntry[])[] = [];

  constructor(kind: "source" | "file") {
    this.kind = kind;
  }

  async append(entries: readonly DeadLetterEntry[]): Promise<number> {
    await this.gate.promise;
    this.appends.push(entries);
    if (entries.some(({ identity }) => identity === this.tooLarge)) {
      throw new BusError("too large", { isTooLarge: true });
    }
    const fitting = entries.slice(0, this.room);
    this.taken.push(...fitting.map(({ identity }) => identity));
    return fitting.length;
  }

  async *read(): AsyncIterable<string> {}
}

const CAUSE = { source: "s", partition: 0, offsetFormat: "integer", reason: "not-json", detail: "" } as const;

Deno.test("DeadLetterWriter: a place that hangs gets as many letters as may wait, the others are counted, no place waits", async () => {
  const [hanging, quick] = [new SlowPlace("source"), new SlowPlace("file")];
  quick.gate.resolve();
  const unkept: string[] = [];
  const writer = new DeadLetterWriter([hanging, quick], 100, (kind, count) => void unkept.push(`${kind} ${count}`));
  const write = (offset: number) => writer.write(CAUSE, { ...record("x"), offset: BigInt(offset) });
  write(0);
  // The first is on its way to the places; from here on letters wait for the one that hangs.
  while (quick.taken.length === 0) await Promise.resolve();
  for (let offset = 1; offset <= MAX_WAITING_DEAD_LETTERS; offset++) {
    write(offset);
    while (quick.taken.length <= offset) await Promise.resolve();
  }
  assert.deepEqual(unkept, []);
  write(MAX_WAITING_DEAD_LETTERS + 1);
  write(MAX_WAITING_DEAD_LETTERS + 2);
  assert.deepEqual(unkept, ["source 1", "source 1"]);
  hanging.gate.resolve();
  await writer[Symbol.asyncDispose]();
  const identities = Array.from({ length: MAX_WAITING_DEAD_LETTERS + 3 }, (_, offset) => `s:0:${offset}`);
  assert.deepEqual(hanging.taken, identities.slice(0, -2), "in order, none twice");
  assert.deepEqual(quick.taken, identities, "the other place has all");
});

Deno.test("DeadLetterWriter: what a full or broken place does not take is counted, and it gets the next all the same", async () => {
  const place = new SlowPlace("file");
  const unkept: number[] = [];
  const writer = new DeadLetterWriter([place], 100, (_kind, count) => void unkept.push(count));
  const write = async (offset: number) => {
    writer.write(CAUSE, { ...record("x"), offset: BigInt(offset) });
    await writer[Symbol.asyncDispose]();
  };
  place.gate.resolve();
  place.room = 0;
  await write(1);
  place.gate = Promise.withResolvers();
  place.gate.promise.catch(() => {});
  place.gate.reject(new Error("the disk is gone"));
  await write(2);
  place.gate = Promise.withResolvers();
  place.gate.resolve();
  place.room = Infinity;
  await write(3);
  assert.deepEqual([unkept, place.taken], [[1, 1], ["s:0:3"]]);
});

Deno.test("DeadLetterWriter: one append has at most MAX_APPEND_BYTES, or one letter that is larger", async () => {
  const place = new SlowPlace("source");
  const unkept: number[] = [];
  const writer = new DeadLetterWriter([place], MAX_APPEND_BYTES, (_kind, count) => void unkept.push(count));
  for (let offset = 0; offset < 200; offset++) {
    const value = "x".repeat(offset === 100 ? MAX_APPEND_BYTES : 6_000);
    writer.write(CAUSE, { ...record(value), offset: BigInt(offset) });
  }
  place.gate.resolve();
  await writer[Symbol.asyncDispose]();
  assert.deepEqual(place.taken, Array.from({ length: 200 }, (_, offset) => `s:0:${offset}`));
  assert.deepEqual(unkept, []);
  const sizes = place.appends.map((entries) => entries.reduce((sum, { json }) => sum + json.length, 0));
  assert.equal(sizes.length, 5, String(sizes));
  for (const [index, size] of sizes.entries()) {
    assert.ok(size <= MAX_APPEND_BYTES || place.appends[index]?.length === 1, String(sizes));
  }
});

Deno.test("DeadLetterWriter: one letter that is too large for the place does not take those beside it along", async () => {
  const place = new SlowPlace("source");
  const unkept: number[] = [];
  const writer = new DeadLetterWriter([place], 100, (_kind, count) => void unkept.push(count));
  place.tooLarge = "s:0:37";
  for (let offset = 0; offset < 100; offset++) writer.write(CAUSE, { ...record("x"), offset: BigInt(offset) });
  place.gate.resolve();
  await writer[Symbol.asyncDispose]();
  const others = Array.from({ length: 100 }, (_, offset) => `s:0:${offset}`).filter((name) => name !== place.tooLarge);
  assert.deepEqual([place.taken, unkept], [others, [1]]);
});
