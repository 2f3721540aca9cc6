import assert from "node:assert/strict";
import { parseScope, type Scope } from "../../src/model/scope.ts";
import { SSEMessage } from "../../src/model/sse_message.ts";

const TIME = "2026-01-01T00:00:00.000Z";

function user(): Scope {
  const scope = parseScope("user:42");
  assert.ok(scope !== undefined);
  return scope;
}

Deno.test("SSEMessage: has the defaults of its class", () => {
  const { version, audience, priority, conflationKey, id, retry } = new SSEMessage({
    event: "a.b",
    data: 1,
    scope: user(),
    time: TIME,
  });
  assert.deepEqual({ version, audience, priority, conflationKey, id, retry }, {
    version: 1,
    audience: [],
    priority: "normal",
    conflationKey: undefined,
    id: undefined,
    retry: undefined,
  });
});

Deno.test("SSEMessage.toSSEFormat: gives its data on one line, and no audience, priority or key", () => {
  const message = new SSEMessage({
    event: "task.progress-updated",
    data: { taskId: "t1", text: "a\nb\r\u2028\ud800" },
    scope: user(),
    time: TIME,
    id: "tasks:0:1~B",
    retry: 2_000,
    version: 3,
    audience: [user()],
    priority: "high",
    conflationKey: "secret",
  });
  assert.equal(
    message.toSSEFormat(),
    "retry: 2000\nid: tasks:0:1~B\nevent: task.progress-updated\n" +
      `data: {"version":3,"scope":"user:42","time":"${TIME}","data":{"taskId":"t1","text":"a\\nb\\r\u2028\\ud800"}}\n\n`,
  );
});

Deno.test("SSEMessage.toSSEFormat: data that is undefined is null, data that is no JSON throws", () => {
  assert.match(
    new SSEMessage({ event: "a.b", data: undefined, scope: user(), time: TIME }).toSSEFormat(),
    /"data":null}/,
  );
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  for (const data of [cycle, 1n, { deep: [1n] }]) {
    assert.throws(() => new SSEMessage({ event: "a.b", data, scope: user(), time: TIME }).toSSEFormat(), TypeError);
  }
});

Deno.test("SSEMessage.toSSEFormat: a name or id that would break the frame throws", () => {
  assert.throws(() => new SSEMessage({ event: "a\nb", data: 1, scope: user(), time: TIME }).toSSEFormat(), TypeError);
  assert.throws(
    () => new SSEMessage({ event: "a.b", data: 1, scope: user(), time: TIME, id: "1\r" }).toSSEFormat(),
    TypeError,
  );
});
