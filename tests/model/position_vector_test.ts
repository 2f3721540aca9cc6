import assert from "node:assert/strict";
import { PositionVector, type SourcePositions } from "../../src/model/position_vector.ts";

function vector(...sources: readonly (readonly bigint[])[]): PositionVector {
  return new PositionVector(sources.map((next, index): SourcePositions => (
    { source: `s${index}`, format: "integer", epoch: "e", next: [...next] }
  )));
}

Deno.test("PositionVector.clone: moves alone", () => {
  const one = vector([1n, 2n]);
  const other = one.clone();
  other.set(0, 1, 9n);
  assert.deepEqual([one.next(0, 1), other.next(0, 1)], [2n, 9n]);
});

Deno.test("PositionVector.set: partitions below a new one begin at 0, a source that is unknown throws", () => {
  const positions = vector([1n]);
  positions.set(0, 3, 7n);
  assert.deepEqual(positions.sources[0]?.next, [1n, 0n, 0n, 7n]);
  assert.throws(() => positions.set(1, 0, 1n), { name: "RangeError", message: /^Cannot set a position/ });
});

Deno.test("PositionVector.next: is undefined for what is not known", () => {
  assert.equal(vector([1n]).next(0, 1), undefined);
  assert.equal(vector([1n]).next(1, 0), undefined);
});

Deno.test("PositionVector.reaches: in every partition, and one that is unknown here is not reached", () => {
  assert.ok(vector([5n, 5n], [1n]).reaches(vector([5n, 4n], [1n])));
  assert.ok(!vector([5n, 3n], [1n]).reaches(vector([5n, 4n], [1n])));
  assert.ok(!vector([5n]).reaches(vector([5n, 0n])));
  assert.ok(vector([5n, 0n]).reaches(vector([5n])));
});

Deno.test("PositionVector.raiseTo: takes the later of the two, also of partitions that are new", () => {
  const positions = vector([5n, 1n], [2n]);
  positions.raiseTo(vector([4n, 3n, 8n], [2n], [9n]));
  assert.deepEqual(positions.sources.map(({ next }) => next), [[5n, 3n, 8n], [2n]]);
});
