/** React bindings of the client, for React 18 and 19. */
export { SSEProvider, type SSEProviderProps, useSSEClient } from "./sse_provider.ts";
export { useSSE, type UseSSEOptions } from "./use_sse.ts";
export { useSSEEvent } from "./use_sse_event.ts";
export { useSSEStatus } from "./use_sse_status.ts";
