/** `src/network/requestQueue/index.js` of kafkajs 2.2.4. */
export default class RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(this: RequestQueue): void;
}
