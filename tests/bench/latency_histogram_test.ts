import assert from "node:assert/strict";
import { LatencyHistogram } from "../../bench/latency_histogram.ts";

Deno.test("LatencyHistogram gives percentiles to 10 µs and the greatest latency", () => {
  const histogram = new LatencyHistogram();
  for (let ms = 1; ms <= 100; ms++) histogram.add(ms + 0.004);
  assert.deepEqual(histogram.figures(), { count: 100, p50Ms: 50, p99Ms: 99, maxMs: 100 });
});

Deno.test("LatencyHistogram of nothing is zero, and one beyond its range counts as its range", () => {
  const histogram = new LatencyHistogram();
  assert.equal(histogram.percentileMs(0.5), 0);
  histogram.add(60_000);
  assert.deepEqual([histogram.percentileMs(0.99), histogram.figures().maxMs], [20_000, 60_000]);
});
