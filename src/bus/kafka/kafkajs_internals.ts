/**
 * The one seam to what kafkajs keeps behind its public entry: its connection (socket, framing, TLS, SASL). The version
 * is pinned, and upstream has been quiet since 2023, so what is imported here does not move; docs/decisions/kafkajs.md.
 */
// @ts-types="./kafkajs_connection.d.ts"
import Connection from "kafkajs/src/network/connection.js";
// @ts-types="./kafkajs_request_queue.d.ts"
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
// @ts-types="./kafkajs_socket_factory.d.ts"
import createSocketFactory from "kafkajs/src/network/socketFactory.js";

/**
 * Ends kafkajs' idle timer (tulios/kafkajs#1751): every answer schedules a look at the queue of waiting requests with a
 * delay of `throttledUntil - now`, a large negative number, and that look schedules the next: a timer of 1 ms for as
 * long as the connection lives, about 5 % of a core. Requests wait only behind a throttle or a limit in flight; with
 * none waiting there is nothing to look at. Who enqueues one calls this again.
 */
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

export { Connection, createSocketFactory };
