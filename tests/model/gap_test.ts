import assert from "node:assert/strict";
import { epochGaps } from "../../src/model/gap.ts";

Deno.test("epochGaps: one for each partition, from the log's beginning up to where reading goes on", () => {
  const rest = { source: "tasks", from: 0n, reason: "epoch", lost: null, resync: true };
  assert.deepEqual(epochGaps({ source: "tasks", next: [0n, 7n] }), [
    { ...rest, partition: 0, next: 0n },
    { ...rest, partition: 1, next: 7n },
  ]);
});
