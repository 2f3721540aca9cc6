import assert from "node:assert/strict";
import fc from "fast-check";
import { BASE64URL, encodeVLQ, VLQReader } from "../../src/wire/base64_vlq.ts";

Deno.test("encodeVLQ: any number from 0 up reads back, one behind the other", () => {
  fc.assert(fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 129n }), { minLength: 1 }), (numbers) => {
    const reader = new VLQReader(numbers.map(encodeVLQ).join(""));
    assert.deepEqual(numbers.map(() => reader.number()), numbers);
    assert.ok(reader.done);
  }));
});

Deno.test("encodeVLQ: is as short as five bits a character allow, also around the largest safe integer", () => {
  for (const value of [0n, 31n, 32n, 1023n, 1024n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n]) {
    const text = encodeVLQ(value);
    assert.equal(text.length, Math.max(1, Math.ceil(value.toString(2).length / 5)), `${value}`);
    assert.ok([...text].every((character) => BASE64URL.includes(character)));
  }
});

Deno.test("encodeVLQ: refuses a negative number", () => {
  assert.throws(() => encodeVLQ(-1n), { name: "RangeError", message: /^Cannot encode -1/ });
});

Deno.test("VLQReader.number: what is not the one text of a number is none", () => {
  const texts = ["", "g", "gg", "gA", "g".repeat(25) + "A", "g".repeat(26) + "B", "!", "é", "=", "g\n"];
  for (const text of texts) assert.equal(new VLQReader(text).number(), undefined, JSON.stringify(text));
});

Deno.test("VLQReader.characters: gives exactly so many, or nothing", () => {
  const reader = new VLQReader("abc");
  assert.equal(reader.characters(2), "ab");
  assert.equal(reader.characters(2), undefined);
});
