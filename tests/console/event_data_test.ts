import assert from "node:assert/strict";
import { peek, pretty } from "../../src/console/event_data.ts";

const WHOLE = `{"version":1,"scope":"user:42","time":"2026-01-01T00:00:00Z","data":{"a":{"b":1}}}`;

Deno.test("peek: gives what the publisher sent, also of data that were cut", () => {
  assert.equal(peek(WHOLE), `{"a":{"b":1}}`);
  assert.equal(peek(WHOLE.slice(0, -6)), `{"a":{"b`);
  assert.equal(peek(`{"version":1}`), "");
});

Deno.test("pretty: indents JSON, and leaves what is cut as it is", () => {
  assert.equal(pretty(`{"a":1}`), `{\n  "a": 1\n}`);
  assert.equal(pretty(WHOLE.slice(0, -6)), WHOLE.slice(0, -6));
});
