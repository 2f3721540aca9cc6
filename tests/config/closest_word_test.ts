import assert from "node:assert/strict";
import { closestWord } from "../../src/config/closest_word.ts";

Deno.test("closestWord finds what was misspelt by a slip, a swap, another case or separator", () => {
  const words = ["heartbeat", "maxLifetime", "maxTotal", "retry"];
  assert.equal(closestWord("hartbeat", words), "heartbeat");
  assert.equal(closestWord("haertbeat", words), "heartbeat");
  assert.equal(closestWord("MAX_LIFETIME", words), "maxLifetime");
  assert.equal(closestWord("max-total", words), "maxTotal");
  assert.equal(closestWord("rety", words), "retry");
});

Deno.test("closestWord stays silent when nothing is near", () => {
  assert.equal(closestWord("banana", ["heartbeat", "retry"]), undefined);
  assert.equal(closestWord("x", []), undefined);
});

Deno.test("closestWord takes a word of any length", () => {
  assert.equal(closestWord("x".repeat(1_000_000), ["heartbeat"]), undefined);
});
