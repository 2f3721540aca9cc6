import assert from "node:assert/strict";
import { reasonOf } from "../../src/log/reason_of.ts";

Deno.test("reasonOf: a message with its cause in one line, and no cause that the message quotes", () => {
  const cause = new Error("connection refused");
  assert.equal(reasonOf(new Error("Cannot publish", { cause })), "Cannot publish (connection refused)");
  const quoting = "Cannot publish: connection refused";
  assert.equal(reasonOf(new Error(quoting, { cause })), quoting);
  assert.equal(reasonOf("gone"), "gone");
});
