import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { ReplayTurns } from "../../src/replay/replay_turns.ts";

const LIMITS = { maxUnderWay: 3, maxInFlightBytes: 100 };

/** Twenty replays of one turn each, of which each takes 0.8 ms. */
class Work {
  nowMs = 0;
  done = 0;
  readonly turns = new ReplayTurns({ ...LIMITS, maxUnderWay: 100 }, () => this.nowMs);

  constructor() {
    for (let count = 0; count < 20; count++) {
      void this.turns.enter().turn().then(() => {
        this.done++;
        this.nowMs += 0.8;
      });
    }
  }
}

/** Lets everything go on that waits for nothing but promises. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined;
}

Deno.test("ReplayTurns.isFull: as many replays as the limit may be under way, and a place is free again when one ends", () => {
  const turns = new ReplayTurns(LIMITS, () => 0);
  const places = [turns.enter(), turns.enter()];
  assert.ok(!turns.isFull);
  places.push(turns.enter());
  assert.ok(turns.isFull);
  places[1]?.[Symbol.dispose]();
  assert.deepEqual([turns.isFull, turns.underWay], [false, 2]);
});

Deno.test("ReplayPlace.turn: turns are granted in the order of asking, one after another", async () => {
  const turns = new ReplayTurns(LIMITS, () => 0);
  const order: string[] = [];
  await Promise.all(["a", "b", "c"].map(async (name) => {
    using place = turns.enter();
    await place.turn();
    order.push(`${name} begins`);
    order.push(`${name} ends`);
  }));
  assert.deepEqual(order, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

Deno.test("ReplayPlace.turn: the event loop runs as soon as replays have worked for a slice", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const work = new Work();
    await settle();
    assert.equal(work.done, 2, "1.6 ms are over the slice of 1");
    assert.ok(work.turns.isBusy);
    await clock.nextAsync();
    assert.equal(work.done, 4);
    await clock.runAllAsync();
    assert.equal(work.done, 20);
    assert.ok(!work.turns.isBusy);
  } finally {
    clock.uninstall();
  }
});

Deno.test("ReplayPlace.turn: while the event loop is behind with other things, replays get a tenth of the time, and a turn at least", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const work = new Work();
    await settle();
    for (const [elsewhereMs, inAll] of [[0, 4], [12, 6], [5, 7], [100, 9], [3, 11]] as const) {
      work.nowMs += elsewhereMs;
      await clock.nextAsync();
      assert.equal(work.done, inAll, `after ${elsewhereMs} ms of other things`);
    }
    await clock.runAllAsync();
  } finally {
    clock.uninstall();
  }
});

Deno.test("ReplayPlace.turn: waits while too many bytes are on their way, until a reader has taken its own or has gone", async () => {
  const turns = new ReplayTurns(LIMITS, () => 0);
  const [one, other, third] = [turns.enter(), turns.enter(), turns.enter()];
  one.hold(60);
  other.hold(60);
  assert.ok(turns.isBusy);
  let granted = 0;
  void third.turn().then(() => third.hold(90)).then(() => granted++);
  await settle();
  assert.equal(granted, 0);
  one.settle();
  await settle();
  assert.deepEqual([granted, turns.bytesInFlight], [1, 150]);
  void one.turn().then(() => granted++);
  await settle();
  assert.equal(granted, 1);
  other[Symbol.dispose]();
  await settle();
  assert.deepEqual([granted, turns.bytesInFlight], [2, 90]);
});
