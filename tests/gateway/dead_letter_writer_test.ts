import assert from "node:assert/strict";
import type { DeadLetterEntry, DeadLetterPlace } from "../../src/gateway/dead_letter_place.ts";
import { DeadLetterWriter, MAX_WAITING_DEAD_LETTERS } from "../../src/gateway/dead_letter_writer.ts";
import { record } from "../pipeline/mapped.ts";

/** A place that takes entries when the test lets it. */
class SlowPlace implements DeadLetterPlace {
  readonly name = "the tests' place";
  readonly taken: string[] = [];
  readonly kind: "source" | "file";
  gate = Promise.withResolvers<void>();
  room = Infinity;

  constructor(kind: "source" | "file") {
    this.kind = kind;
  }

  async append(entries: readonly DeadLetterEntry[]): Promise<number> {
    await this.gate.promise;
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
