import assert from "node:assert/strict";
import fc from "fast-check";
import {
  entryOfOffset,
  formatOffset,
  formatPosition,
  MAX_INTEGER_OFFSET,
  offsetOfEntry,
  parseOffset,
  SOURCE_NAME,
} from "../../src/model/position.ts";

const UINT64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

Deno.test("parseOffset: reads back what formatOffset writes, over the whole range", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: MAX_INTEGER_OFFSET }), (offset) => {
    assert.equal(parseOffset(formatOffset(offset, "integer"), "integer"), offset);
  }));
  fc.assert(fc.property(UINT64, UINT64, (milliseconds, sequence) => {
    const offset = offsetOfEntry(milliseconds, sequence);
    assert.equal(formatOffset(offset, "ms-seq"), `${milliseconds}-${sequence}`);
    assert.equal(parseOffset(formatOffset(offset, "ms-seq"), "ms-seq"), offset);
    assert.deepEqual(entryOfOffset(offset), { milliseconds, sequence });
  }));
});

Deno.test("offsetOfEntry: entries order as Redis orders them", () => {
  fc.assert(fc.property(UINT64, UINT64, UINT64, UINT64, (ms1, seq1, ms2, seq2) => {
    const isBefore = ms1 < ms2 || (ms1 === ms2 && seq1 < seq2);
    assert.equal(offsetOfEntry(ms1, seq1) < offsetOfEntry(ms2, seq2), isBefore);
  }));
});

Deno.test("parseOffset: anything but the one canonical text is none", () => {
  const strange = [
    "",
    " 1",
    "1 ",
    "+1",
    "-1",
    "01",
    "1.0",
    "1e3",
    "0x10",
    "\u0661",
    "9223372036854775808",
    "1-",
    "-",
    "$",
    ">",
  ];
  for (const text of [...strange, "1-1"]) assert.equal(parseOffset(text, "integer"), undefined, JSON.stringify(text));
  const entries = [
    ...strange,
    "1",
    "1-01",
    "18446744073709551616-0",
    "0-18446744073709551616",
    "1-1-1",
    "1-*",
    "1-1\n",
  ];
  for (const text of entries) assert.equal(parseOffset(text, "ms-seq"), undefined, JSON.stringify(text));
});

Deno.test("formatPosition: is source, partition and offset", () => {
  assert.equal(formatPosition({ source: "tasks", partition: 3, offset: 1_042n }, "integer"), "tasks:3:1042");
  assert.equal(formatPosition({ source: "r", partition: 0, offset: offsetOfEntry(5n, 2n) }, "ms-seq"), "r:0:5-2");
});

Deno.test("SOURCE_NAME: fits names that stand in an identity, a label and a path", () => {
  for (const name of ["a", "tasks", "a.b-c_d", "0", "x".repeat(64)]) assert.match(name, SOURCE_NAME);
  for (const name of ["", "A", "-a", ".a", "a:b", "a~b", "a b", "a/b", "a\n", "ä", "x".repeat(65)]) {
    assert.doesNotMatch(name, SOURCE_NAME);
  }
});
