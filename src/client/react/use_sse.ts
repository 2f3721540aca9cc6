import { useState } from "react";
import type { EventMap } from "../core/event_map.ts";
import type { SSEEvent } from "../core/sse_event.ts";
import { useSSEEvent } from "./use_sse_event.ts";

/** What {@link useSSE} makes of events. */
export interface UseSSEOptions<Event, Value> {
  /** Makes the value of an event. Default: the event's `data`. */
  readonly select?: (event: Event) => Value;
  /** Which events count. Default: all of the name. */
  readonly filter?: (event: Event) => boolean;
  /** Whether events count at present; the last value stays. Default true. */
  readonly enabled?: boolean;
  /** Until the first event. Default `undefined`. */
  readonly initial?: Value;
}

/**
 * The newest value of an event, for what is shown. Latest wins: of several events between two renders only the last is seen.
 * What must see each of them takes {@link useSSEEvent}.
 */
export function useSSE<Name extends keyof EventMap, Value = EventMap[Name]>(
  name: Name,
  options: UseSSEOptions<SSEEvent<EventMap[Name]>, Value> & { readonly initial: Value },
): Value;
/** As above, `undefined` until the first event. */
export function useSSE<Name extends keyof EventMap, Value = EventMap[Name]>(
  name: Name,
  options?: UseSSEOptions<SSEEvent<EventMap[Name]>, Value>,
): Value | undefined;
export function useSSE<Name extends keyof EventMap, Value>(
  name: Name,
  { select, filter, enabled = true, initial }: UseSSEOptions<SSEEvent<EventMap[Name]>, Value> = {},
): Value | undefined {
  const [latest, setLatest] = useState<{ readonly name: Name; readonly value: Value }>();
  useSSEEvent(name, (event) => {
    if (!enabled || filter?.(event) === false) return;
    // Without a selector the type of a value is that of the data.
    setLatest({ name, value: select ? select(event) : event.data as Value });
  });
  // Not the value of the name before.
  return latest?.name === name ? latest.value : initial;
}
