import { useEffect, useInsertionEffect, useRef } from "react";
import type { EventMap } from "../core/event_map.ts";
import type { SSEEvent } from "../core/sse_event.ts";
import { useSSEClient } from "./sse_provider.ts";

/**
 * Calls the handler with every event of the name while the component is mounted, in order, none left out, and renders
 * nothing. The handler may be a new function at each render; the newest one that was committed is called.
 */
export function useSSEEvent<Name extends keyof EventMap>(
  name: Name,
  handler: (event: SSEEvent<EventMap[Name]>) => void,
): void {
  const client = useSSEClient();
  const newest = useRef(handler);
  // Not while rendering: a render that is thrown away must not leave its handler behind.
  useInsertionEffect(() => void (newest.current = handler));
  useEffect(() => client.on(name, (event) => newest.current(event)), [client, name]);
}
