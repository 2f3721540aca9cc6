import assert from "node:assert/strict";
import fc from "fast-check";
import { WireReader } from "../../../src/bus/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/bus/kafka/wire_writer.ts";

Deno.test("WireReader reads back what WireWriter wrote", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(fc.integer(), int64, fc.nat(2 ** 32 - 1), fc.string(), fc.array(fc.integer()), (...values) => {
      const [int32, long, uvarint, text, list] = values;
      const writer = new WireWriter().int32(int32).int64(long).uvarint(uvarint).compactString(text);
      writer.compactArray(list, (item) => writer.int32(item)).noTaggedFields();
      const reader = new WireReader(writer.written);
      const read = [reader.int32(), reader.int64(), reader.uvarint(), reader.compactString()];
      assert.deepEqual(read, [int32, long, uvarint, text.toWellFormed()]);
      assert.deepEqual(reader.compactArray(() => reader.int32()), list);
      reader.skipTaggedFields();
      assert.equal(reader.remaining, 0);
    }),
  );
});

Deno.test("WireReader.varint and varlong read zigzag numbers at their limits", () => {
  const read = (hex: string) => new WireReader(Uint8Array.fromHex(hex));
  assert.deepEqual(["00", "01", "02", "7f", "8001"].map((hex) => read(hex).varint()), [0, -1, 1, -64, 64]);
  assert.equal(read("feffffff0f").varint(), 2 ** 31 - 1);
  assert.equal(read("ffffffff0f").varint(), -(2 ** 31));
  assert.equal(read("80a094a58d1d").varlong(), 500_000_000_000);
  assert.equal(read("fea094a58d1d").varlong(), 500_000_000_063);
  assert.equal(read("01").varlong(), -1);
});

Deno.test("WireReader throws a RangeError at the end of the answer, whatever is asked", () => {
  const asks: ((reader: WireReader) => unknown)[] = [
    (reader) => reader.int64(),
    (reader) => reader.varint(),
    (reader) => reader.varlong(),
    (reader) => reader.bytes(4),
    (reader) => reader.bytes(-1),
    (reader) => reader.uuid(),
  ];
  for (const ask of asks) assert.throws(() => ask(new WireReader(new Uint8Array([0x80, 0x80]))), RangeError);
  assert.throws(() => new WireReader(new Uint8Array(12).fill(0xff)).uvarint(), RangeError);
  assert.throws(() => new WireReader(new Uint8Array(12).fill(0xff)).varlong(), RangeError);
});
