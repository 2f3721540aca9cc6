import { createContext, createElement, type ReactNode, useContext, useEffect } from "react";
import type { SSEClient } from "../core/sse_client.ts";

const ClientContext = createContext<SSEClient | undefined>(undefined);

/** What {@link SSEProvider} takes. */
export interface SSEProviderProps {
  /** Made once, outside of any component or in a `useState`: a new one is a new stream. */
  readonly client: SSEClient;
  /** What may use the client. */
  readonly children?: ReactNode;
}

/** Opens the client while it is mounted, and gives it to the hooks below it. On a server it opens nothing. */
export function SSEProvider({ client, children }: SSEProviderProps): ReactNode {
  // Effects of children run first: who listens from the first render on misses nothing.
  useEffect(() => client.acquire(), [client]);
  return createElement(ClientContext.Provider, { value: client }, children);
}

/**
 * The client of the nearest provider, for what the hooks do not do.
 *
 * @throws Error when there is no provider above
 */
export function useSSEClient(): SSEClient {
  const client = useContext(ClientContext);
  if (!client) throw new Error("Cannot find an SSE client: wrap the component in an SSEProvider");
  return client;
}
