import assert from "node:assert/strict";
import { tailLine } from "../../src/admin/tail_line.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { messageTo } from "../replay/frames.ts";

const PLACE = { seq: 1, sourceIndex: 0, partition: 0, offset: 1n };

Deno.test("tailLine: shows the data as streams get it, whatever it holds", () => {
  const text = "</script>\n\ndata: x\u2028😀".repeat(3);
  const line = tailLine("events:0:1", encodeFrame(messageTo("user:1", { data: { text } }), "events:0:1~a", PLACE));
  assert.equal(line.kind, "event");
  assert.ok(line.kind === "event" && !line.isCut);
  assert.equal(JSON.parse(line.data).data.text, text);
});

Deno.test("tailLine: cuts long data between two characters", () => {
  for (const before of ["", "a"]) {
    const frame = encodeFrame(messageTo("user:1", { data: before + "😀".repeat(5_000) }), "events:0:1~a", PLACE);
    const line = tailLine("events:0:1", frame);
    assert.ok(line.kind === "event" && line.isCut && line.data.length >= 1_999 && line.data.isWellFormed());
  }
});
