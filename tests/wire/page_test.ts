import assert from "node:assert/strict";
import { encodePage } from "../../src/wire/page.ts";
import { chunkOf, cursorOf, encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { messageTo } from "../replay/frames.ts";
import { blocksOf } from "./blocks_of.ts";

const frameOf = (cursor: string, text: string): Frame =>
  encodeFrame(messageTo("user:1", { data: { text } }), cursor, { seq: 1, sourceIndex: 0, partition: 0, offset: 1n });

const textOf = ({ bytes }: Frame) => new TextDecoder().decode(bytes);

Deno.test("encodePage: the first frames under the cursors given, the others under their own, nothing else changed", () => {
  const frames = [frameOf("a:0:1~B", "é"), frameOf("a:0:22~B", ""), frameOf("a:0:3~B", "x".repeat(9_000))];
  for (const cursors of [[], ["a:0:1~BCCCC"], ["a:0:1~BCCCC", "a:0:22~", "a:0:3~B"]]) {
    const page = encodePage(frames, cursors);
    const expected = frames.map((frame, index) =>
      textOf(frame).replace(`id: ${cursorOf(frame)}\n`, `id: ${cursors[index] ?? cursorOf(frame)}\n`)
    );
    assert.deepEqual(blocksOf(page), expected);
    assert.equal(page.frames, frames);
  }
  assert.deepEqual(encodePage(frames, []).chunk, chunkOf(frames));
});

Deno.test("encodePage: no frames, no bytes", () => {
  assert.deepEqual([encodePage([], []).chunk.length, encodePage([], []).ends], [0, []]);
});
