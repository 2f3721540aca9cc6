import assert from "node:assert/strict";
import { ERROR_CODES } from "../../src/model/error_code.ts";

Deno.test("ERROR_CODES: stand in the guide with their status and meaning, row by row", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/guide/authentication.md", import.meta.url));
  const rows = guide.split("\n")
    .map((line) => /^\| `([a-z-]+)` +\| (\d{3}) +\| (.*?) +\|$/.exec(line)?.slice(1))
    .filter((row) => row !== undefined);
  const expected = Object.entries(ERROR_CODES).map(([code, { status, text }]) => [code, String(status), text]);
  assert.deepEqual(rows, expected);
});

Deno.test("ERROR_CODES: words of lower case and dashes, statuses of errors, one line of ASCII each", () => {
  for (const [code, { status, text }] of Object.entries(ERROR_CODES)) {
    assert.match(code, /^[a-z]+(?:-[a-z]+)*$/);
    assert.ok(status >= 400 && status < 600, code);
    assert.match(text, /^[\x20-\x7e]+\.$/, code);
  }
});
