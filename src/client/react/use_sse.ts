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
  /**
   * What the value belongs to where `filter` or `select` use a property, such as a task's id: with another one the value is
   * `initial` again until the next event. Default: the name of the event alone.
   */
  readonly key?: string | number | undefined;
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
  { select, filter, key, enabled = true, initial }: UseSSEOptions<SSEEvent<EventMap[Name]>, Value> = {},
): Value | undefined {
  const [latest, setLatest] = useState<{ readonly name: Name; readonly key: typeof key; readonly value: Value }>();
  useSSEEvent(name, (event) => {
    if (!enabled || filter?.(event) === false) return;
    // Without a selector the type of a value is that of the data.
    setLatest({ name, key, value: select ? select(event) : event.data as Value });
  });
  const isAnothers = latest !== undefined && (latest.name !== name || latest.key !== key);
  // Forgotten at once and for good: by the time that somebody comes back to it, it may be out of date.
  if (isAnothers) setLatest(undefined);
  return latest === undefined || isAnothers ? initial : latest.value;
}
