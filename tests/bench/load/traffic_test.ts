import assert from "node:assert/strict";
import { scopeSequence } from "../../../bench/load/traffic.ts";

Deno.test("scopeSequence mixes the classes by weight and lets the scopes of a class take turns", () => {
  const next = scopeSequence([
    { weight: 60, scopes: [10, 11, 12] },
    { weight: 30, scopes: [20, 21] },
    { weight: 10, scopes: [30] },
  ]);
  const counts = new Map<number, number>();
  for (let index = 0; index < 600; index++) {
    const scope = next();
    counts.set(scope, (counts.get(scope) ?? 0) + 1);
  }
  assert.deepEqual(
    [...counts].sort(([one], [other]) => one - other),
    [[10, 120], [11, 120], [12, 120], [20, 90], [21, 90], [30, 60]],
  );
});
