import assert from "node:assert/strict";
import { leastSquaresSlope } from "../../bench/least_squares.ts";

Deno.test("leastSquaresSlope finds the slope through scattered points", () => {
  assert.equal(leastSquaresSlope([{ x: 0, y: 1 }, { x: 1, y: 4 }, { x: 2, y: 5 }]), 2);
});

Deno.test("leastSquaresSlope of one point, or of none, is 0", () => {
  assert.deepEqual([leastSquaresSlope([{ x: 1, y: 7 }]), leastSquaresSlope([])], [0, 0]);
});
