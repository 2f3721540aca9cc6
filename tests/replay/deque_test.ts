import assert from "node:assert/strict";
import fc from "fast-check";
import { Deque } from "../../src/replay/deque.ts";

Deno.test("Deque: behaves as an array that is pushed to and shifted from", () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.nat(9), fc.constant("shift" as const)), { maxLength: 300 }), (steps) => {
    const deque = new Deque<number>();
    const model: number[] = [];
    for (const step of steps) {
      if (step === "shift") assert.equal(deque.shift(), model.shift());
      else {
        deque.push(step);
        model.push(step);
      }
      assert.equal(deque.length, model.length);
      assert.deepEqual(model.map((_, index) => deque.at(index)), model);
      assert.deepEqual([deque.at(-1), deque.at(model.length)], [undefined, undefined]);
    }
  }));
});

Deno.test("Deque: keeps its order over many more items than it ever holds", () => {
  const deque = new Deque<number>();
  for (let item = 0; item < 5_000; item++) {
    deque.push(item);
    if (item >= 10) assert.equal(deque.shift(), item - 10);
  }
});

Deno.test("Deque.firstWhere: the first place from which on the test holds, or the length", () => {
  fc.assert(fc.property(fc.array(fc.nat(50)), fc.nat(60), fc.nat(5), (items, least, shifted) => {
    const sorted = items.toSorted((one, other) => one - other);
    const deque = new Deque<number>();
    for (const item of sorted) deque.push(item);
    for (let count = 0; count < shifted; count++) deque.shift();
    const model = sorted.slice(shifted);
    const expected = model.findIndex((item) => item >= least);
    assert.equal(deque.firstWhere((item) => item >= least), expected < 0 ? model.length : expected);
  }));
});
