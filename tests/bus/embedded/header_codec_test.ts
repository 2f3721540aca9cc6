import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeHeaders, encodeHeaders } from "../../../src/bus/embedded/header_codec.ts";

Deno.test("encodeHeaders and decodeHeaders give any headers back", () => {
  const headers = fc.array(fc.tuple(fc.string({ unit: "grapheme" }), fc.uint8Array())).map((pairs) => new Map(pairs));
  fc.assert(fc.property(headers, (before) => assert.deepEqual(decodeHeaders(encodeHeaders(before)), before)));
});

Deno.test("decodeHeaders throws a RangeError on bytes cut anywhere between two headers", () => {
  const bytes = encodeHeaders(new Map([["name", new Uint8Array([1, 2, 3])]])) ?? new Uint8Array(0);
  for (let length = 1; length < bytes.length; length++) {
    assert.throws(() => decodeHeaders(bytes.slice(0, length)), RangeError, `${length} of ${bytes.length}`);
  }
});
