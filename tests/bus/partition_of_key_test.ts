import assert from "node:assert/strict";
import { partitionOfKey } from "../../src/bus/partition_of_key.ts";

const encoder = new TextEncoder();

Deno.test("partitionOfKey is FNV-1a modulo the partitions: files and streams depend on it", () => {
  // Vectors of http://www.isthe.com/chongo/tech/comp/fnv/: "" 811c9dc5, "a" e40c292c, "foobar" bf9cf968.
  const all = 2 ** 32;
  assert.equal(partitionOfKey(encoder.encode(""), all), 0x811c9dc5);
  assert.equal(partitionOfKey(encoder.encode("a"), all), 0xe40c292c);
  assert.equal(partitionOfKey(encoder.encode("foobar"), all), 0xbf9cf968);
  assert.equal(partitionOfKey(encoder.encode("foobar"), 7), 0xbf9cf968 % 7);
});

Deno.test("partitionOfKey spreads keys over all partitions evenly enough", () => {
  const counts = new Array(16).fill(0);
  for (let key = 0; key < 16_000; key++) counts[partitionOfKey(encoder.encode(`user:${key}`), 16)]++;
  for (const count of counts) assert.ok(count > 800 && count < 1_200, String(counts));
});
