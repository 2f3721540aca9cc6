import assert from "node:assert/strict";
import fc from "fast-check";
import { fieldsOfRecord, recordOfEntry } from "../../../src/bus/redis/stream_entry.ts";
import { BusError } from "../../../src/bus/event_bus.ts";
import { offsetOfEntry } from "../../../src/model/position.ts";

const NAMES = { value: "value", key: "key" };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

Deno.test("recordOfEntry reads back any record that fieldsOfRecord wrote", () => {
  const record = fc.record({
    key: fc.option(fc.uint8Array()),
    value: fc.uint8Array(),
    headers: fc.array(fc.tuple(fc.string({ unit: "grapheme" }), fc.uint8Array())).map((pairs) => {
      return new Map(pairs.filter(([name]) => name !== "value" && name !== "key"));
    }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(record, (before) => {
    const { key, value, headers } = recordOfEntry(
      { offset: 1n, fields: written(fieldsOfRecord(before, NAMES)) },
      NAMES,
    );
    assert.deepEqual({ key, value, headers }, before);
  }));
});

Deno.test("recordOfEntry makes a JSON object of an entry without the value's field, all fields in it", () => {
  const record = recordOfEntry(
    { offset: 1n, fields: texts("name", "Ada", "age", "36", "__proto__", "x", "key", "k") },
    NAMES,
  );
  const json = JSON.parse(decoder.decode(record.value ?? undefined));
  assert.deepEqual(Object.entries(json), [["name", "Ada"], ["age", "36"], ["__proto__", "x"], ["key", "k"]]);
  assert.deepEqual(record.key, encoder.encode("k"));
  assert.deepEqual([...record.headers.keys()], ["name", "age", "__proto__"]);
});

Deno.test("recordOfEntry takes the last of a field that comes twice, and other names for value and key", () => {
  const fields = texts("payload", "first", "payload", "last", "id", "k", "value", "a header");
  const record = recordOfEntry({ offset: 1n, fields }, { value: "payload", key: "id" });
  assert.equal(decoder.decode(record.value ?? undefined), "last");
  assert.equal(decoder.decode(record.key ?? undefined), "k");
  assert.deepEqual([...record.headers], [["value", encoder.encode("a header")]]);
});

Deno.test("recordOfEntry takes the time of the entry ID, at most what a Date can hold", () => {
  const timeOf = (milliseconds: bigint) => {
    return recordOfEntry({ offset: offsetOfEntry(milliseconds, 5n), fields: texts("value", "v") }, NAMES).timestampMs;
  };
  assert.equal(timeOf(1_526_919_030_474n), 1_526_919_030_474);
  assert.equal(new Date(timeOf(2n ** 64n - 1n)).getUTCFullYear(), 275_760);
});

Deno.test("fieldsOfRecord refuses a header that has the name of the value's or the key's field", () => {
  for (const name of ["value", "key"]) {
    const record = { key: null, value: new Uint8Array(0), headers: new Map([[name, new Uint8Array(1)]]) };
    assert.throws(
      () => fieldsOfRecord(record, NAMES),
      (error) => error instanceof BusError && error.message.includes(name),
    );
  }
});

function texts(...fields: string[]): Uint8Array[] {
  return fields.map((field) => encoder.encode(field));
}

function written(fields: readonly (string | number | Uint8Array)[]): Uint8Array[] {
  return fields.map((field) => field instanceof Uint8Array ? field : encoder.encode(String(field)));
}
