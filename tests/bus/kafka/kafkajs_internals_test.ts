import assert from "node:assert/strict";
// @ts-types="../../../src/bus/kafka/kafkajs_request_queue.d.ts"
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import { Connection } from "../../../src/bus/kafka/kafkajs_internals.ts";

/** What the queue's look needs of itself. */
function queueWith(pending: readonly unknown[]) {
  const queue = Object.create(RequestQueue.prototype);
  return Object.assign(queue, { pending, throttledUntil: -1, throttleCheckTimeoutId: null });
}

Deno.test("kafkajs' request queue starts no timer while no request waits, and one while some do", () => {
  assert.equal(typeof Connection, "function", "the wrap is loaded with the connection");
  const idle = queueWith([]);
  idle.scheduleCheckPendingRequests();
  assert.equal(idle.throttleCheckTimeoutId, null);
  const busy = queueWith([{}]);
  busy.scheduleCheckPendingRequests();
  assert.notEqual(busy.throttleCheckTimeoutId, null);
  clearTimeout(busy.throttleCheckTimeoutId);
});

Deno.test("kafkajs' connection has what is used of it", () => {
  const verbs = ["connect", "setVersions", "setSupportAuthenticationProtocol", "authenticate", "isConnected", "send"];
  for (const verb of [...verbs, "rejectRequests", "disconnect"]) {
    assert.equal(typeof Reflect.get(Connection.prototype, verb), "function", verb);
  }
});
