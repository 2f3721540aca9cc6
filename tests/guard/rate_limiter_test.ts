import assert from "node:assert/strict";
import fc from "fast-check";
import { RateLimiter } from "../../src/guard/rate_limiter.ts";

function start(perSecond: number, burst: number, maxKeys = 100) {
  const time = { ms: 1_000_000 };
  return { time, limiter: new RateLimiter({ perSecond, burst, maxKeys }, () => time.ms) };
}

Deno.test("RateLimiter: lets the burst through at once, then one an interval, and says how long to wait", () => {
  const { time, limiter } = start(10, 3);
  for (let at = 0; at < 3; at++) assert.deepEqual(limiter.take("a"), { kind: "allowed" });
  assert.deepEqual(limiter.take("a"), { kind: "limited", retryAfterMs: 100 });
  time.ms += 60;
  assert.deepEqual(limiter.take("a"), { kind: "limited", retryAfterMs: 40 });
  time.ms += 40;
  assert.deepEqual(limiter.take("a"), { kind: "allowed" });
  assert.equal(limiter.take("a").kind, "limited");
  time.ms += 300;
  for (let at = 0; at < 3; at++) assert.equal(limiter.take("a").kind, "allowed");
  assert.equal(limiter.take("a").kind, "limited");
});

Deno.test("RateLimiter: one key's haste is no other's", () => {
  const { limiter } = start(1, 1);
  assert.equal(limiter.take("a").kind, "allowed");
  assert.equal(limiter.take("a").kind, "limited");
  assert.equal(limiter.take("b").kind, "allowed");
  assert.equal(limiter.take("__proto__").kind, "allowed");
});

Deno.test("RateLimiter: a cost is taken whole or not at all", () => {
  const { time, limiter } = start(10, 5);
  assert.equal(limiter.take("a", 6).kind, "limited");
  assert.equal(limiter.take("a", 3).kind, "allowed");
  assert.deepEqual(limiter.take("a", 3), { kind: "limited", retryAfterMs: 100 });
  time.ms += 100;
  assert.equal(limiter.take("a", 3).kind, "allowed");
});

Deno.test("RateLimiter: remembers no more keys than allowed, the quietest first", () => {
  const { limiter } = start(1, 1, 2);
  for (let at = 0; at < 10_000; at++) limiter.take(`attacker ${at}`);
  assert.equal(limiter.size, 2);
  const second = start(1, 2, 2).limiter;
  second.take("a");
  second.take("b");
  second.take("a");
  second.take("c");
  assert.equal(second.take("a").kind, "limited");
});

Deno.test("RateLimiter: behaves as a token bucket of the same rate and size", () => {
  const step = fc.record({ waitMs: fc.nat({ max: 500 }), cost: fc.integer({ min: 1, max: 4 }) });
  const limits = fc.record({ perSecond: fc.constantFrom(1, 2, 4, 10, 50), burst: fc.integer({ min: 1, max: 10 }) });
  fc.assert(fc.property(limits, fc.array(step, { maxLength: 200 }), ({ perSecond, burst }, steps) => {
    const { time, limiter } = start(perSecond, burst);
    let tokens = burst;
    for (const { waitMs, cost } of steps) {
      time.ms += waitMs;
      tokens = Math.min(burst, tokens + waitMs * perSecond / 1_000);
      const verdict = limiter.take("k", cost);
      assert.equal(verdict.kind, tokens + 1e-6 >= cost ? "allowed" : "limited");
      if (verdict.kind === "allowed") tokens = Math.max(0, tokens - cost);
      else assert.ok(Math.abs(verdict.retryAfterMs - (cost - tokens) * 1_000 / perSecond) <= 1);
    }
  }));
});

Deno.test("RateLimiter: refuses limits that would let everything or nothing through", () => {
  for (const [perSecond, burst] of [[0, 1], [-1, 1], [NaN, 1], [Infinity, 1], [1, 0], [1, NaN]] as const) {
    assert.throws(() => new RateLimiter({ perSecond, burst, maxKeys: 1 }), RangeError);
  }
});
