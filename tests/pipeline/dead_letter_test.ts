import assert from "node:assert/strict";
import fc from "fast-check";
import { createDeadLetter, encodeDeadLetter } from "../../src/pipeline/dead_letter.ts";
import { bytes, record } from "./mapped.ts";

const CAUSE = {
  source: "tasks",
  partition: 3,
  offsetFormat: "integer",
  reason: "not-json",
  detail: "the value is not JSON",
} as const;

Deno.test("createDeadLetter keeps identity, reason and the original", () => {
  const letter = createDeadLetter(CAUSE, record("{é", { key: "k", headers: { a: "1" } }), 1_024);
  assert.deepEqual(letter, {
    source: "tasks",
    partition: 3,
    offset: "7",
    time: "2026-01-01T00:00:00.000Z",
    reason: "not-json",
    detail: "the value is not JSON",
    key: { byteLength: 1, isCut: false, text: "k" },
    headers: [{ name: "a", byteLength: 1, isCut: false, text: "1" }],
    headerCount: 1,
    value: { byteLength: 3, isCut: false, text: "{é" },
  });
  assert.deepEqual(JSON.parse(new TextDecoder().decode(encodeDeadLetter(letter))), letter);
});

Deno.test("createDeadLetter writes an entry's offset as its ID, bytes that are no text as base64, and no time as null", () => {
  const binary = { ...record(Uint8Array.of(0xff, 0x00)), offset: 5n << 64n, timestampMs: -1 };
  const letter = createDeadLetter({ ...CAUSE, offsetFormat: "ms-seq" }, binary, 1_024);
  assert.equal(letter.offset, "5-0");
  assert.equal(letter.time, null);
  assert.deepEqual(letter.value, { byteLength: 2, isCut: false, base64: "/wA=" });
  assert.equal(createDeadLetter(CAUSE, record(null), 1_024).value, null);
});

Deno.test("createDeadLetter cuts the original to its budget, between characters, for any record", () => {
  const text = fc.string({ unit: "binary", maxLength: 12 });
  fc.assert(
    fc.property(
      text,
      text,
      fc.dictionary(text, text, { maxKeys: 4 }),
      fc.integer({ min: 0, max: 40 }),
      (value, key, headers, max) => {
        const letter = createDeadLetter(CAUSE, record(bytes(value), { key, headers }), max);
        const kept = letter.value === null ? 0 : "text" in letter.value ? bytes(letter.value.text).length : -1;
        assert(
          kept <= max && kept > Math.min(max, bytes(value).length) - 4,
          `${kept} of ${bytes(value).length}, at most ${max}`,
        );
        assert.equal(letter.value?.isCut, bytes(value).length > max);
        assert.equal(letter.headerCount, Object.keys(headers).length);
        const ofHeaders = letter.headers.reduce(
          (sum, header) => sum + ("text" in header ? bytes(header.text).length : 0),
          0,
        );
        assert(ofHeaders <= max);
      },
    ),
  );
});

Deno.test("createDeadLetter is small for ten thousand headers, __proto__ among them", () => {
  const headers = new Map(
    Array.from({ length: 10_000 }, (_, index): [string, Uint8Array] => [`h${index}`, bytes("x")]),
  );
  headers.set("__proto__", bytes("y"));
  const letter = createDeadLetter(CAUSE, { ...record("{"), headers }, 200);
  assert.equal(letter.headerCount, 10_001);
  assert(encodeDeadLetter(letter).length < 5_000);
});
