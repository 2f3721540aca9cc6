import assert from "node:assert/strict";
import { gapDetected, invalidCursor } from "../../src/wire/control_events.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { PollAnswer } from "../../src/wire/poll_answer.ts";
import { messageTo } from "../replay/frames.ts";

const PLACE = { seq: 1, sourceIndex: 0, partition: 0, offset: 0n };
const GAP = { source: "s0", partition: 0, from: 1n, next: 3n, reason: "trimmed", lost: 2, resync: true } as const;

Deno.test("PollAnswer: holds the same ids, events and data as the blocks, gaps in their place", () => {
  const answer = new PollAnswer();
  assert.ok(answer.isEmpty);
  answer.take(encodeFrame(messageTo("user:1", { data: { text: 'a\nb\u2028 "quoted"' } }), "s0:0:0~x", PLACE).bytes);
  answer.take(gapDetected(GAP, "integer", "~y"));
  answer.take(encodeFrame(messageTo("user:1", { data: 2 }), "s0:0:5~z", PLACE).bytes);
  assert.deepEqual([answer.isEmpty, answer.cursor], [false, "s0:0:5~z"]);
  const { cursor, events, gaps, caughtUp } = JSON.parse(answer.text({ cursor: "~head", caughtUp: true }));
  assert.deepEqual([cursor, caughtUp], ["~head", true]);
  assert.deepEqual(
    events.map(({ id, event, data }: { id: string; event: string; data: { data: unknown } }) => [id, event, data.data]),
    [["s0:0:0~x", "task.done", { text: 'a\nb\u2028 "quoted"' }], ["s0:0:5~z", "task.done", 2]],
  );
  assert.deepEqual(gaps, [
    {
      id: "~y",
      eventsBefore: 1,
      source: "s0",
      partition: 0,
      from: "1",
      to: "2",
      reason: "trimmed",
      lost: 2,
      resync: true,
    },
  ]);
});

Deno.test("PollAnswer: a number keeps its digits, whatever a parser in between would make of it", () => {
  const answer = new PollAnswer();
  const encoder = new TextEncoder();
  answer.take(encoder.encode('id: a\nevent: task.done\ndata: {"data":{"id":9007199254740993}}\n\n'));
  assert.match(answer.text({ cursor: "a", caughtUp: true }), /"data":\{"id":9007199254740993\}/);
});

Deno.test("PollAnswer: of gaps in a row only the last has an id, and one chunk may hold several", () => {
  const answer = new PollAnswer();
  const blocks = [gapDetected(GAP, "integer", undefined), gapDetected({ ...GAP, partition: 1 }, "integer", "~y")];
  answer.take(new Uint8Array(blocks.flatMap((block) => [...block])));
  answer.take(invalidCursor("~z"));
  const { gaps } = JSON.parse(answer.text({ cursor: "~z", caughtUp: true }));
  assert.deepEqual(gaps.map(({ id, partition, reason }: Record<string, unknown>) => [id, partition, reason]), [
    [undefined, 0, "trimmed"],
    ["~y", 1, "trimmed"],
    ["~z", null, "invalid-cursor"],
  ]);
});
