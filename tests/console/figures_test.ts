import assert from "node:assert/strict";
import { bytes, clock, count, duration, moment } from "../../src/console/figures.ts";

Deno.test("figures: numbers, sizes and times as people read them", () => {
  assert.deepEqual([0, 9_999, 10_000, 1_234_567].map(count), ["0", "9,999", "10K", "1.2M"]);
  assert.deepEqual([0, 999, 1_500, 268_435_456, 1e15].map(bytes), ["0 B", "999 B", "1.5 KB", "268.4 MB", "1,000 TB"]);
  assert.deepEqual([-1, 59, 60, 3_600, 90_061].map(duration), ["0 s", "59 s", "1 min", "1 h 0 min", "1 d 1 h"]);
  assert.equal(clock("never"), "");
  assert.match(moment("2026-06-15T10:11:12Z"), /^2026-06-1[456] \d\d:\d\d:12$/);
  assert.match(clock("2026-01-01T10:11:12Z"), /^\d\d:\d\d:12$/);
});
