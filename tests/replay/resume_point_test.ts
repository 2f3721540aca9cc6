import assert from "node:assert/strict";
import type { SourceCursor } from "../../src/wire/cursor.ts";
import { resumePoint } from "../../src/replay/resume_point.ts";
import { positions } from "./frames.ts";

const HEAD = positions([10n, 20n]);

function resumed(...said: readonly SourceCursor[]) {
  const { at, gaps } = resumePoint(said, HEAD);
  return {
    at: at.sources[0]?.next,
    gaps: gaps.map(({ source, partition, from, next, reason, lost, resync }) => {
      assert.deepEqual([source, from, lost, resync], ["s0", 0n, null, true]);
      return [partition, next, reason];
    }),
  };
}

Deno.test("resumePoint: takes a client up where its cursor says, before the head or beyond it", () => {
  assert.deepEqual(resumed({ kind: "positions", next: [3n, 99n] }), { at: [3n, 99n], gaps: [] });
  assert.deepEqual(HEAD.sources[0]?.next, [10n, 20n]);
});

Deno.test("resumePoint: a partition that was added since is new from its beginning", () => {
  assert.deepEqual(resumed({ kind: "positions", next: [3n] }), { at: [3n, 0n], gaps: [] });
});

Deno.test("resumePoint: partitions that only another node knows are kept", () => {
  assert.deepEqual(resumed({ kind: "positions", next: [3n, 4n, 5n, 6n] }), { at: [3n, 4n, 5n, 6n], gaps: [] });
});

Deno.test("resumePoint: a cursor that names one partition only tells of the others, and never seeks to 0", () => {
  assert.deepEqual(resumed({ kind: "positions", next: [3n, undefined] }), {
    at: [3n, 20n],
    gaps: [[1, 20n, "invalid-cursor"]],
  });
});

Deno.test("resumePoint: another epoch, and a source that the cursor does not know, are told for every partition", () => {
  const at = [10n, 20n];
  assert.deepEqual(resumed({ kind: "other-epoch" }), { at, gaps: [[0, 10n, "epoch"], [1, 20n, "epoch"]] });
  const reset = [[0, 10n, "source-reset"], [1, 20n, "source-reset"]];
  assert.deepEqual(resumed({ kind: "absent" }), { at, gaps: reset });
  assert.deepEqual(resumed(), { at, gaps: reset });
});
