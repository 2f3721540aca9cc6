import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { openEmbeddedBus } from "../../../src/bus/embedded/open_embedded_bus.ts";
import { BusError, type FollowEvent } from "../../../src/bus/event_bus.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "../../contract/recorded_follow.ts";

Deno.test("openEmbeddedBus in memory: a publish is in the sink within the microtasks that follow it", async () => {
  await using bus = await openEmbeddedBus({ source: "demo" });
  const events: FollowEvent[] = [];
  const abort = new AbortController();
  const follow = bus.follow(new Map(), (event) => void events.push(event), abort.signal);
  await Promise.resolve();
  let isMacrotask = false;
  const timer = setTimeout(() => isMacrotask = true, 0);
  void bus.publish(numbered("a", 1));
  void bus.publish(numbered("b", 2));
  while (events.length < 2 && !isMacrotask) await Promise.resolve();
  clearTimeout(timer);
  assert.equal(isMacrotask, false);
  const [, batch] = events;
  assert.deepEqual(textsOf(recordsOf(batch === undefined ? [] : [batch])), ["a0", "b0", "b1"], "one turn, one batch");
  abort.abort();
  await follow;
});

Deno.test("openEmbeddedBus in memory: a follow that catches up leaves timers their turn", async () => {
  await using bus = await openEmbeddedBus({ source: "demo" });
  for (let batch = 0; batch < 60; batch++) await bus.publish(numbered("a", 1_000));
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  const abort = new AbortController();
  let records = 0;
  await bus.follow(new Map(), (event) => {
    if (event.kind !== "records") return;
    records += event.records.length;
    const until = performance.now() + 1;
    while (performance.now() < until);
    if (records === 60_000) abort.abort();
  }, abort.signal);
  clearInterval(ticking);
  assert.ok(ticks >= 5, `${ticks} ticks in more than 120 ms`);
});

Deno.test("openEmbeddedBus: retention by count announces exactly what a slow follow lost", async () => {
  await using bus = await openEmbeddedBus({ source: "demo", retention: { maxRecords: 10 } });
  await using follow = await RecordedFollow.start(bus);
  follow.hold();
  await bus.publish(numbered("seen", 1));
  await follow.untilRecords(1);
  for (let index = 0; index < 25; index++) await bus.publish(numbered(`${index}.`, 1));
  follow.release();
  await follow.untilRecords(11);
  assert.deepEqual(follow.gaps(), [{ kind: "gap", partition: 0, from: 1n, next: 16n, reason: "trimmed", lost: 15 }]);
  assert.deepEqual(follow.texts().slice(1), Array.from({ length: 10 }, (_, index) => `${index + 15}.0`));
  await follow.close();
});

Deno.test("openEmbeddedBus: retention by bytes keeps what fits, the overhead of small records included", async () => {
  await using bus = await openEmbeddedBus({ source: "demo", retention: { maxBytes: 10_000 } });
  for (let index = 0; index < 100; index++) await bus.publish([{ key: null, value: new Uint8Array(800) }]);
  const { first, next } = (await bus.bounds()).partitions.get(0) ?? {};
  assert.deepEqual([first, next], [90n, 100n]);
  for (let index = 0; index < 100; index++) await bus.publish([{ key: null, value: new Uint8Array(0) }]);
  const later = (await bus.bounds()).partitions.get(0);
  assert.deepEqual([later?.first, later?.next], [150n, 200n]);
});

Deno.test("openEmbeddedBus: retention by age takes records without further publishes, and tells a waiting follow", async () => {
  const clock = FakeTimers.install({ toFake: ["Date", "setInterval", "clearInterval"] });
  try {
    await using bus = await openEmbeddedBus({ source: "demo", retention: { maxAgeMs: 90_000 } });
    await bus.publish(numbered("old", 3));
    await clock.tickAsync(120_000);
    const { first, next } = (await bus.bounds()).partitions.get(0) ?? {};
    assert.deepEqual([first, next], [3n, 3n]);
    const events = await readAll(bus, 0, 0n, 3n);
    assert.deepEqual(events, [{ kind: "gap", partition: 0, from: 0n, next: 3n, reason: "trimmed", lost: 3 }]);
  } finally {
    clock.uninstall();
  }
});

Deno.test("openEmbeddedBus in memory: every log has an epoch of its own", async () => {
  await using one = await openEmbeddedBus({ source: "demo" });
  await using other = await openEmbeddedBus({ source: "demo" });
  assert.notEqual((await one.bounds()).epoch, (await other.bounds()).epoch);
});

Deno.test("openEmbeddedBus in memory: compacting its slots loses and moves nothing", async () => {
  await using bus = await openEmbeddedBus({ source: "demo", retention: { maxRecords: 100 } });
  for (let index = 0; index < 5_000; index++) await bus.publish(numbered(`${index}.`, 1));
  const events = await readAll(bus, 0, 4_900n, 5_000n);
  assert.deepEqual(textsOf(recordsOf(events)), Array.from({ length: 100 }, (_, index) => `${4_900 + index}.0`));
});

Deno.test("openEmbeddedBus refuses limits and partitions that make no sense", async () => {
  for (const partitions of [0, -1, 1.5, 101, NaN]) {
    await assert.rejects(openEmbeddedBus({ source: "demo", partitions }), BusError, String(partitions));
  }
  for (const retention of [{ maxRecords: 0 }, { maxBytes: -1 }, { maxAgeMs: NaN }]) {
    await assert.rejects(openEmbeddedBus({ source: "demo", retention }), BusError);
  }
});

Deno.test("openEmbeddedBus: a partition that does not exist is refused by name", async () => {
  await using bus = await openEmbeddedBus({ source: "demo", partitions: 2 });
  const { signal } = new AbortController();
  await assert.rejects(bus.follow(new Map([[2, 0n]]), () => {}, signal), /partition 2 .* 2 partitions/);
  await assert.rejects(readAll(bus, -1, 0n, 1n), /partition -1/);
});
