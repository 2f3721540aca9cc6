import { useMemo, useSyncExternalStore } from "react";
import type { SSESnapshot } from "../core/sse_snapshot.ts";
import { useSSEClient } from "./sse_provider.ts";

/** What a server renders, and the browser takes over from it. */
const IDLE: SSESnapshot = { status: "idle", attempt: 0, hasEverConnected: false, transport: "stream", isLost: false };

/** The client's snapshot; renders when it changes, which events by themselves do not. */
export function useSSEStatus(): SSESnapshot {
  const client = useSSEClient();
  const [subscribe, read] = useMemo(
    () => [(listener: () => void) => client.subscribe(listener), () => client.getSnapshot()] as const,
    [client],
  );
  return useSyncExternalStore(subscribe, read, () => IDLE);
}
