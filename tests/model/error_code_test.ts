import assert from "node:assert/strict";
import { ERROR_CODES } from "../../src/model/error_code.ts";

Deno.test("ERROR_CODES: each stands in the protocol's table with its status, and nothing else does", async () => {
  const protocol = await Deno.readTextFile(new URL("../../docs/protocol.md", import.meta.url));
  const rows = [...protocol.matchAll(/^\| `([a-z-]+)` +\| (\d{3}) +\|/gm)].map(([, code, status]) => [code, status]);
  const expected = Object.entries(ERROR_CODES).map(([code, { status }]) => [code, String(status)]);
  assert.deepEqual(rows.sort(), expected.sort());
});

Deno.test("ERROR_CODES: words of lower case and dashes, statuses of errors, one line of ASCII each", () => {
  for (const [code, { status, text }] of Object.entries(ERROR_CODES)) {
    assert.match(code, /^[a-z]+(?:-[a-z]+)*$/);
    assert.ok(status >= 400 && status < 600, code);
    assert.match(text, /^[\x20-\x7e]+\.$/, code);
  }
});
