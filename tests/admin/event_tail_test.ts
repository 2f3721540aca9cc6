import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { EventTail, MAX_TAILS } from "../../src/admin/event_tail.ts";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { messageTo } from "../replay/frames.ts";

const SOURCE = { source: "events", format: "integer" } as const;
const ALL = { scopes: [], patterns: [] };

Deno.test("EventTail: shows a hundred lines a second and says how many more there were", async () => {
  using clock = fakeClock();
  using tail = new EventTail();
  const reader = linesOf(tail.open(ALL));
  tail.publish(SOURCE, Array.from({ length: 60 }, (_, n) => frameAt(n)));
  clock.tick(250);
  tail.publish(SOURCE, [frameAt(60)]);
  const lines = await reader.take(28);
  assert.deepEqual(lines.map(({ event }) => event), [
    "tail.opened",
    ...Array(25).fill("tail.event"),
    "tail.omitted",
    "tail.event",
  ]);
  assert.deepEqual(JSON.parse(lines[26]?.data ?? ""), { count: 35 });
  assert.equal(JSON.parse(lines[27]?.data ?? "").identity, "events:0:60");
  await reader.cancel();
});

Deno.test("EventTail: a reader that takes nothing is given no more than 256 KiB, and the rest is counted", async () => {
  using clock = fakeClock();
  using tail = new EventTail();
  const body = tail.open(ALL);
  for (let window = 0; window < 100; window++) {
    tail.publish(SOURCE, Array.from({ length: 25 }, (_, n) => frameAt(window * 25 + n, "x".repeat(10_000))));
    clock.tick(250);
  }
  const reader = linesOf(body);
  let [bytes, events] = [0, 0];
  for (const { event, data } of await reader.take(100)) {
    bytes += data.length;
    if (event === "tail.event") events++;
  }
  assert.ok(bytes < 300_000 && events < 150, `${events} events, ${bytes} bytes`);
  await reader.cancel();
});

Deno.test("EventTail: a new tail begins with the last events that it wants, cut where they are long", async () => {
  using tail = new EventTail();
  tail.publish(SOURCE, [frameAt(0, "y".repeat(5_000)), frameAt(1, "other", "user:2")]);
  const reader = linesOf(tail.open({ scopes: ["user:1"], patterns: ["task.*"] }));
  const [, line] = await reader.take(2);
  const { identity, data, isCut } = JSON.parse(line?.data ?? "");
  assert.deepEqual([identity, data.length, isCut], ["events:0:0", 2_000, true]);
  await reader.cancel();
  assert.equal(tail.readerCount, 0);
});

Deno.test("EventTail: a silence is broken every ten seconds", async () => {
  using clock = fakeClock();
  using tail = new EventTail();
  const reader = linesOf(tail.open(ALL));
  clock.tick(10_000);
  assert.deepEqual((await reader.take(2)).map(({ event }) => event), ["tail.opened", "tail.heartbeat"]);
  await reader.cancel();
});

Deno.test("EventTail: refuses one more than its limit, and takes one again when one has gone", async () => {
  using tail = new EventTail();
  const bodies = Array.from({ length: MAX_TAILS }, () => tail.open(ALL));
  assert.equal(tail.open(ALL), undefined);
  await bodies[0]?.cancel();
  assert.notEqual(tail.open(ALL), undefined);
});

function fakeClock(): Clock & Disposable {
  const clock = FakeTimers.install({ toFake: ["setInterval", "clearInterval"] });
  return Object.assign(clock, { [Symbol.dispose]: () => clock.uninstall() });
}

function frameAt(offset: number, data = "z", scope = "user:1"): Frame {
  const place = { seq: offset + 1, sourceIndex: 0, partition: 0, offset: BigInt(offset) };
  return encodeFrame(messageTo(scope, { event: "task.progress-updated", data }), `events:0:${offset}~x`, place);
}

/** Reads blocks one by one, and no further than it must. */
function linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>> | undefined) {
  if (body === undefined) throw new Error("Cannot read a tail that was refused");
  const reader = body.getReader();
  return {
    cancel: () => reader.cancel(),
    async take(count: number): Promise<{ event: string; data: string }[]> {
      const lines: { event: string; data: string }[] = [];
      while (lines.length < count) {
        // What is there comes in the same turn; nothing further is waited for.
        const next = await Promise.race([
          reader.read(),
          new Promise<"none">((resolve) =>
            queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => resolve("none"))))
          ),
        ]);
        if (next === "none" || next.done) break;
        const [, event = "", data = ""] = /^event: (.*)\ndata: (.*)\n\n$/.exec(new TextDecoder().decode(next.value)) ??
          [];
        lines.push({ event, data });
      }
      return lines;
    },
  };
}
