import assert from "node:assert/strict";
import { formatSSE, MAX_RETRY_MS, MIN_RETRY_MS } from "../../src/model/sse_format.ts";

Deno.test("formatSSE: writes one block of the fields that are given", () => {
  assert.equal(
    formatSSE({ retry: 4_180, id: "7", event: "a.b", data: "x" }),
    "retry: 4180\nid: 7\nevent: a.b\ndata: x\n\n",
  );
  assert.equal(formatSSE({ id: "7" }), "id: 7\n\n");
  assert.equal(formatSSE({ data: "" }), "data: \n\n");
});

Deno.test("formatSSE: each line of the data becomes a data line, whatever ends it", () => {
  assert.equal(formatSSE({ data: "a\nb\r\nc\rd\n" }), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  assert.equal(formatSSE({ data: "\n\nid: 7" }), "data: \ndata: \ndata: id: 7\n\n");
});

Deno.test("formatSSE: refuses an id or a name that is empty or would break its line", () => {
  for (const value of ["", "a\nb", "a\rb", "a\r\nb", "a\u0000b"]) {
    assert.throws(() => formatSSE({ id: value }), { name: "TypeError", message: /^Cannot write the id/ });
    assert.throws(() => formatSSE({ event: value }), { name: "TypeError", message: /^Cannot write the event/ });
  }
});

Deno.test("formatSSE: holds retry between one second and five minutes", () => {
  const retryOf = (retry: number) => formatSSE({ retry });
  for (const retry of [0, -1, 999.4]) assert.equal(retryOf(retry), `retry: ${MIN_RETRY_MS}\n\n`);
  for (const retry of [Number.POSITIVE_INFINITY, Number.NaN, 1e12]) {
    assert.equal(retryOf(retry), `retry: ${MAX_RETRY_MS}\n\n`);
  }
  assert.equal(retryOf(1_234.6), "retry: 1235\n\n");
});
