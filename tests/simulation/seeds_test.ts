import assert from "node:assert/strict";
import { seeds } from "./seeds.ts";

Deno.test("seeds: an argument goes before the variable, and either is a number or a range", () => {
  assert.deepEqual(seeds(9, [], null), [1, 9]);
  assert.deepEqual(seeds(9, [], "17"), [17, 17]);
  assert.deepEqual(seeds(9, ["--seed=4"], "17"), [4, 4]);
  assert.deepEqual(seeds(9, ["--seed=4-8"], null), [4, 8]);
  for (const wrong of ["", "x", "1-", "-3", "1.5"]) {
    assert.throws(() => seeds(9, [`--seed=${wrong}`], null), TypeError, wrong);
  }
});
