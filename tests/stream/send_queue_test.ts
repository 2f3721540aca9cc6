import assert from "node:assert/strict";
import fc from "fast-check";
import type { Priority } from "../../src/model/sse_message.ts";
import { SendQueue, type SendQueueLimits } from "../../src/stream/send_queue.ts";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { onePerRecord } from "../../src/wire/one_per_record.ts";
import { type Block, EventStreamParser } from "../checker/event_stream_parser.ts";
import { messageTo, scopeOf } from "../replay/frames.ts";

const WIDE: SendQueueLimits = { maxFrames: 100, maxBytes: 1e6 };

interface FrameOptions {
  readonly priority?: Priority;
  readonly key?: string;
  readonly scope?: string;
  readonly event?: string;
  readonly padding?: number;
}

function frame(
  offset: number,
  { priority = "normal", key, scope = "user:1", event = "task.done", padding = 0 }: FrameOptions = {},
): Frame {
  const data = { offset, padding: "x".repeat(padding) };
  const rest = { priority, event, data, ...(key === undefined ? {} : { conflationKey: key }) };
  const place = { seq: offset, sourceIndex: 0, partition: 0, offset: BigInt(offset) };
  return encodeFrame(messageTo(scope, rest), `s0:0:${offset}~B`, place);
}

/** Everything that is taken, block by block: the offset of an event, or what a control event says. */
function taken(queue: SendQueue, maxBytes = Number.POSITIVE_INFINITY): (number | string)[] {
  const bytes = queue.take(maxBytes);
  return bytes === undefined ? [] : new EventStreamParser().push(bytes).map(labelOf);
}

function labelOf({ event, data }: Block): number | string {
  const parsed = JSON.parse(data ?? "{}");
  return event === "stream.events-dropped"
    ? `${parsed.count} ${parsed.priority} dropped, ${parsed.from} to ${parsed.to}`
    : parsed.data.offset;
}

const CONTROL = new TextEncoder().encode('event: stream.x\ndata: {"data":{"offset":"control"}}\n\n');

Deno.test("SendQueue: gives what it was offered in its order, and is empty then", () => {
  const queue = new SendQueue(WIDE);
  assert.ok(queue.isEmpty);
  for (const offset of [1, 2, 3]) assert.equal(queue.offer(frame(offset)), "queued");
  queue.offerControl(CONTROL);
  queue.offer(frame(4));
  assert.deepEqual([queue.isEmpty, queue.frameCount], [false, 5]);
  assert.deepEqual(taken(queue), [1, 2, 3, "control", 4]);
  assert.deepEqual([queue.isEmpty, queue.frameCount, queue.byteCount, queue.take(1)], [true, 0, 0, undefined]);
});

Deno.test("SendQueue.take: about as many bytes as asked, at least one block, and never half of one", () => {
  const queue = new SendQueue(WIDE);
  const frames = [1, 2, 3, 4].map((offset) => frame(offset));
  for (const each of frames) queue.offer(each);
  const bytes = frames[0]?.bytes.length ?? 0;
  assert.deepEqual(taken(queue, 1), [1]);
  assert.deepEqual(taken(queue, bytes * 2), [2, 3]);
  assert.deepEqual(taken(queue, 0), [4]);
});

Deno.test("SendQueue.offer: over its frames it sheds the oldest of low priority and tells so before anything else", () => {
  const queue = new SendQueue({ ...WIDE, maxFrames: 3 });
  queue.offer(frame(1, { priority: "high" }));
  queue.offer(frame(2, { priority: "low" }));
  queue.offer(frame(3, { priority: "low" }));
  assert.equal(queue.offer(frame(4)), "shed");
  assert.equal(queue.offer(frame(5)), "shed");
  assert.deepEqual(taken(queue), ["2 low dropped, s0:0:2 to s0:0:3", 1, 4, 5]);
  assert.ok(queue.isEmpty);
});

Deno.test("SendQueue.offer: an offered low frame may be the one that is shed", () => {
  const queue = new SendQueue({ ...WIDE, maxFrames: 1 });
  queue.offer(frame(1));
  assert.equal(queue.offer(frame(2, { priority: "low" })), "shed");
  assert.deepEqual(taken(queue), ["1 low dropped, s0:0:2 to s0:0:2", 1]);
});

Deno.test("SendQueue.offer: over its bytes it sheds as many as it takes", () => {
  const queue = new SendQueue({ ...WIDE, maxBytes: 1_500 });
  for (const offset of [1, 2, 3, 4]) queue.offer(frame(offset, { priority: "low", padding: 100 }));
  assert.equal(queue.offer(frame(5, { padding: 1_000 })), "shed");
  assert.ok(queue.byteCount <= 1_500);
  const [dropped, ...rest] = taken(queue);
  assert.match(`${dropped}`, /^[34] low dropped, s0:0:1 to/);
  assert.equal(rest.at(-1), 5);
});

Deno.test("SendQueue.offer: normal and high are never shed: a full queue of them is an overflow", () => {
  for (const priority of ["normal", "high"] as const) {
    const queue = new SendQueue({ ...WIDE, maxFrames: 2 });
    queue.offer(frame(1, { priority }));
    queue.offer(frame(2, { priority }));
    assert.equal(queue.offer(frame(3, { priority })), "overflow");
  }
});

Deno.test("SendQueue: is not empty while something dropped is still to be told", () => {
  const queue = new SendQueue({ ...WIDE, maxFrames: 0 });
  queue.offer(frame(1, { priority: "low" }));
  assert.deepEqual([queue.frameCount, queue.isEmpty], [0, false]);
  assert.deepEqual(taken(queue), ["1 low dropped, s0:0:1 to s0:0:1"]);
  assert.ok(queue.isEmpty);
});

Deno.test("SendQueue.offer: a newer frame of event, scope and key replaces the older one and takes its own place", () => {
  const queue = new SendQueue(WIDE);
  queue.offer(frame(1, { key: "t1" }));
  queue.offer(frame(2));
  queue.offer(frame(3, { key: "t2" }));
  queue.offer(frame(4, { key: "t1", scope: "user:2" }));
  queue.offer(frame(5, { key: "t1", event: "task.begun" }));
  assert.equal(queue.offer(frame(6, { key: "t1" })), "queued");
  assert.equal(queue.conflatedCount, 1);
  assert.deepEqual(taken(queue), [2, 3, 4, 5, 6]);
});

Deno.test("SendQueue.offer: a frame of several scopes is replaced only by one that has them all", () => {
  const queue = new SendQueue(WIDE);
  const scopes = ["user:1", "novel:1"].map(scopeOf);
  const ofBoth = (offset: number) =>
    onePerRecord(scopes.map((scope) => frame(offset, { key: "t1", scope })), scopes)[0] ?? assert.fail();
  queue.offer(ofBoth(1));
  queue.offer(frame(2, { key: "t1" }));
  queue.offer(frame(3, { key: "t1", scope: "novel:1" }));
  assert.equal(queue.conflatedCount, 0);
  queue.offer(ofBoth(4));
  assert.equal(queue.conflatedCount, 1);
  assert.deepEqual(taken(queue), [2, 3, 4]);
});

Deno.test("SendQueue.offer: what has left the queue is not conflated any more", () => {
  const queue = new SendQueue(WIDE);
  queue.offer(frame(1, { key: "t1" }));
  assert.deepEqual(taken(queue), [1]);
  queue.offer(frame(2, { key: "t1" }));
  assert.equal(queue.conflatedCount, 0);
  assert.deepEqual(taken(queue), [2]);
});

Deno.test("SendQueue.offer: conflation makes room before anything is shed", () => {
  const queue = new SendQueue({ ...WIDE, maxFrames: 2 });
  queue.offer(frame(1, { priority: "low" }));
  queue.offer(frame(2, { key: "t1" }));
  assert.equal(queue.offer(frame(3, { key: "t1" })), "queued");
  assert.deepEqual(taken(queue), [1, 3]);
});

const OFFERED = fc.record({
  priority: fc.constantFrom<Priority>("low", "normal", "high"),
  key: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
  padding: fc.nat(400),
  takeBytes: fc.option(fc.nat(1_500), { nil: undefined }),
});

Deno.test("SendQueue: any run keeps its limits and its order, and accounts for every frame", () => {
  const limits = fc.record({
    maxFrames: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1_000, max: 4_000 }),
  });
  fc.assert(
    fc.property(limits, fc.array(OFFERED, { maxLength: 60 }), (limits, run) => {
      const queue = new SendQueue(limits);
      const seen: number[] = [];
      const said: string[] = [];
      const low = new Set<number>();
      const keyed = new Map<number, string>();
      const take = (maxBytes: number) => {
        for (const label of taken(queue, maxBytes)) typeof label === "number" ? seen.push(label) : said.push(label);
      };
      let offset = 0;
      for (const { priority, key, padding, takeBytes } of run) {
        offset++;
        if (priority === "low") low.add(offset);
        if (key !== undefined) keyed.set(offset, key);
        const outcome = queue.offer(frame(offset, { priority, padding, ...(key === undefined ? {} : { key }) }));
        if (outcome === "overflow") return;
        assert.ok(queue.frameCount <= limits.maxFrames && queue.byteCount <= limits.maxBytes);
        if (takeBytes !== undefined) take(takeBytes);
      }
      take(Number.POSITIVE_INFINITY);
      assert.deepEqual([queue.isEmpty, queue.byteCount], [true, 0]);
      assert.deepEqual(seen, seen.toSorted((one, other) => one - other));
      const missing = Array.from({ length: offset }, (_, index) => index + 1).filter((each) => !seen.includes(each));
      const dropped = said.reduce((sum, text) => sum + Number.parseInt(text), 0);
      assert.equal(missing.length, queue.conflatedCount + dropped);
      for (const each of missing) {
        const isReplaced = keyed.has(each) &&
          [...keyed].some(([newer, key]) => newer > each && key === keyed.get(each));
        assert.ok(low.has(each) || isReplaced, `${each} was neither low nor replaced`);
      }
    }),
    { numRuns: 400 },
  );
});
