import assert from "node:assert/strict";
import { payloadText, seqOf } from "../../../bench/load/payload.ts";

Deno.test("payloadText makes JSON of exactly the length asked for, and seqOf reads its number", () => {
  const text = payloadText(1_234_567, 200);
  assert.equal(text.length, 200);
  assert.equal(JSON.parse(text).s, "0001234567");
  const buffer = new TextEncoder().encode(`data: ${text}\n\n`);
  assert.equal(seqOf(buffer, "data: ".length), 1_234_567);
});

Deno.test("seqOf finds nothing where no payload begins", () => {
  assert.equal(seqOf(new TextEncoder().encode("event: stream.opened\n\n"), 3), -1);
});
