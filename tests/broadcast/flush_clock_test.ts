import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { FlushClock } from "../../src/broadcast/flush_clock.ts";

/** Runs with a clock that only the test moves. */
async function inFakeTime(run: (clock: Clock) => Promise<void>): Promise<void> {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    await run(clock);
  } finally {
    clock.uninstall();
  }
}

/** What was asked for before runs. */
async function turn(): Promise<void> {
  await undefined;
  await undefined;
}

Deno.test("FlushClock: flushes in the turn in which it was asked while the loop keeps up, once a turn", async () => {
  await inFakeTime(async (clock) => {
    let flushes = 0;
    using flush = new FlushClock(20, () => ++flushes);
    flush.request();
    flush.request();
    assert.equal(flushes, 0);
    await turn();
    assert.equal(flushes, 1);
    clock.tick(0);
    flush.request();
    await turn();
    assert.equal(flushes, 2);
  });
});

Deno.test("FlushClock: a loop that comes back at once does not wait for the timer, whatever a timer takes at least", async () => {
  await inFakeTime(async (clock) => {
    let flushes = 0;
    using flush = new FlushClock(20, () => ++flushes);
    for (const expected of [1, 2, 3]) {
      flush.request();
      flush.request();
      await turn();
      assert.equal(flushes, expected);
    }
    assert.equal(clock.countTimers(), 1);
    clock.tick(1);
    assert.deepEqual([flushes, clock.countTimers()], [3, 0]);
  });
});

Deno.test("FlushClock: what is asked for while the loop is still writing is flushed when it has settled", async () => {
  await inFakeTime(async (clock) => {
    let flushes = 0;
    let nowMs = 0;
    using flush = new FlushClock(20, () => ++flushes, () => nowMs);
    flush.request();
    await turn();
    // The loop turns, but its timer is late: it is writing.
    nowMs = 5;
    flush.request();
    flush.request();
    await turn();
    assert.equal(flushes, 1);
    clock.tick(1);
    assert.equal(flushes, 2);
    clock.tick(20);
    assert.equal(flushes, 2);
  });
});

/** The delay before the second of two flushes, the first of which kept the loop busy. */
async function delayAfter(clock: Clock, maxDelayMs: number, busyMs: number, writes: number): Promise<number> {
  const flushedAtMs: number[] = [];
  let isBusy = true;
  using flush = new FlushClock(maxDelayMs, () => {
    flushedAtMs.push(performance.now());
    if (isBusy) clock.tick(busyMs);
    isBusy = false;
    return writes;
  });
  flush.request();
  await turn();
  // The loop runs timers again: from now on the clock knows how far behind it was.
  clock.tick(0);
  isBusy = true;
  flush.request();
  await turn();
  clock.tick(0);
  const askedAtMs = performance.now();
  flush.request();
  for (let ms = 0; ms < 1_000 && flushedAtMs.length < 3; ms++) {
    clock.tick(1);
    await turn();
  }
  return (flushedAtMs[2] ?? Number.NaN) - askedAtMs;
}

Deno.test("FlushClock: gathers as long as the loop was behind with its writes, and no longer than the limit", async () => {
  await inFakeTime(async (clock) => {
    assert.equal(await delayAfter(clock, 20, 10, 100_000), 10);
    assert.equal(await delayAfter(clock, 20, 200, 100_000), 20);
  });
});

Deno.test("FlushClock: a loop that is behind with other work does not make few readers wait", async () => {
  await inFakeTime(async (clock) => {
    assert.ok(await delayAfter(clock, 20, 200, 1) <= 1);
    assert.ok(await delayAfter(clock, 20, 1, 100_000) <= 1);
  });
});

Deno.test("FlushClock: with no delay it never gathers beyond a turn of the loop", async () => {
  await inFakeTime(async (clock) => {
    assert.ok(await delayAfter(clock, 0, 200, 100_000) <= 1);
  });
});

Deno.test("FlushClock: flushes at once again when the loop has caught up", async () => {
  await inFakeTime(async (clock) => {
    let flushes = 0;
    using flush = new FlushClock(20, () => {
      if (flushes++ === 0) clock.tick(200);
      return 100_000;
    });
    flush.request();
    await turn();
    clock.tick(0);
    flush.request();
    await turn();
    clock.tick(20);
    flush.request();
    await turn();
    assert.equal(flushes, 3);
  });
});

Deno.test("FlushClock: flushes nothing any more when it is disposed of, and leaves no timer", async () => {
  await inFakeTime(async (clock) => {
    let flushes = 0;
    const flush = new FlushClock(20, () => ++flushes);
    flush.request();
    flush[Symbol.dispose]();
    await turn();
    assert.equal(flushes, 0);
    const settling = new FlushClock(20, () => ++flushes);
    settling.request();
    await turn();
    settling[Symbol.dispose]();
    settling.request();
    await turn();
    assert.deepEqual([flushes, clock.countTimers()], [1, 0]);
  });
});
