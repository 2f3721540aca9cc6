import assert from "node:assert/strict";
import { startPositions } from "../../src/gateway/attach_sources.ts";
import type { OffsetFormat } from "../../src/model/position.ts";

const startsOf = (offsetFormat: OffsetFormat, ...partitions: readonly (readonly [first: bigint, tail: bigint])[]) => {
  const bounds = partitions.map(([first, tail], partition) => [partition, { first, tail, next: tail + 9n }] as const);
  const source = { bus: { source: "s", offsetFormat }, bounds: { epoch: "e", partitions: new Map(bounds) } };
  return startPositions([source]).sources[0]?.next;
};

Deno.test("startPositions: the tail, back to the start of its run in the history, never before the log's first", () => {
  assert.deepEqual(startsOf("integer", [0n, 0n], [0n, 255n], [0n, 1_000n], [990n, 1_000n]), [0n, 0n, 768n, 990n]);
});

Deno.test("startPositions: a Redis Stream has no history, and its tail stays what it is", () => {
  assert.deepEqual(startsOf("ms-seq", [0n, 1_000n]), [1_000n]);
});
