import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { Openings } from "../../src/stream/openings.ts";

/** Requests that take 0.8 ms each, on a clock that only they and the test move. */
class Crowd {
  nowMs = 0;
  readonly looked: number[] = [];
  readonly openings: Openings;

  constructor(maxWaiting = 1_000) {
    this.openings = new Openings(maxWaiting, () => this.nowMs);
  }

  ask(count: number): void {
    for (let number = 0; number < count; number++) {
      void this.openings.turn().then(() => {
        this.looked.push(number);
        this.nowMs += 0.8;
      });
    }
  }
}

/** Lets everything go on that waits for nothing but promises. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 300; turn++) await undefined;
}

Deno.test("Openings.turn: requests are looked at in order, for 1 ms or a tenth of what all else takes, then the loop runs", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const crowd = new Crowd();
    // That nobody came for a minute is no time which something else has taken.
    crowd.nowMs = 60_000;
    crowd.ask(200);
    await settle();
    assert.deepEqual(crowd.looked, [0, 1], "1.6 ms are over the slice of 1");
    for (const [elsewhereMs, inAll] of [[0, 4], [4, 6], [40, 11], [400, 61], [1, 63]] as const) {
      crowd.nowMs += elsewhereMs;
      await clock.nextAsync();
      await settle();
      assert.equal(crowd.looked.length, inAll, `after ${elsewhereMs} ms of other things`);
    }
    await clock.runAllAsync();
    assert.deepEqual(crowd.looked, Array.from({ length: 200 }, (_, number) => number));
  } finally {
    clock.uninstall();
  }
});

Deno.test("Openings.isFull: so many requests may wait, and one more when one of them is looked at", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const crowd = new Crowd(5);
    crowd.ask(6);
    await settle();
    assert.deepEqual([crowd.looked.length, crowd.openings.waiting, crowd.openings.isFull], [2, 4, false]);
    crowd.ask(1);
    assert.deepEqual([crowd.openings.waiting, crowd.openings.isFull], [5, true]);
    await clock.runAllAsync();
    assert.deepEqual([crowd.looked.length, crowd.openings.isFull], [7, false]);
  } finally {
    clock.uninstall();
  }
});
