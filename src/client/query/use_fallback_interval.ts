import { useSSEStatus } from "../react/use_sse_status.ts";

/** For a query's `refetchInterval`: the milliseconds while events do not come, by stream or by polling, and `false` while they do. */
export function useFallbackInterval(intervalMs: number): number | false {
  const { status, isLost } = useSSEStatus();
  return isLost || status === "closed" ? intervalMs : false;
}
