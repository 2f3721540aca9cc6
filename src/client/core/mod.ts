/** The browser client: {@link SSEClient} and its types. Runs in browsers, Deno and Node. */
export { type ServerMessage, type Transport, TransportError, type TransportRequest } from "../transport.ts";
export type { CursorStorage } from "./cursor_storage.ts";
export type { EventMap, Open, TaskStatus } from "./event_map.ts";
export { SSEClient } from "./sse_client.ts";
export {
  type SchemaResult,
  type SSEClientOptions,
  SSEUnauthorizedError,
  type StandardSchema,
  type TokenRequest,
} from "./sse_client_options.ts";
export type { SSEControl, SSEEvent, SSEGap } from "./sse_event.ts";
export type { CloseReason, SSESnapshot } from "./sse_snapshot.ts";
export { streamTransport } from "./stream_transport.ts";
