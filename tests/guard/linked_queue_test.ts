import assert from "node:assert/strict";
import fc from "fast-check";
import { type Link, LinkedQueue } from "../../src/guard/linked_queue.ts";

Deno.test("LinkedQueue: gives the same first as an array does, whatever is appended, moved and taken out", () => {
  const step = fc.record({ action: fc.constantFrom("append", "remove", "move"), at: fc.nat() });
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const queue = new LinkedQueue<number>();
    const model: Link<number>[] = [];
    for (const [value, { action, at }] of steps.entries()) {
      const [link] = action === "append" || model.length === 0
        ? [queue.append(value)]
        : model.splice(at % model.length, 1);
      assert.ok(link !== undefined);
      if (link.value !== value && action === "remove") queue.remove(link);
      else model.push(link);
      if (link.value !== value && action === "move") queue.moveToEnd(link);
      assert.equal(queue.first, model[0]?.value);
    }
  }));
});
