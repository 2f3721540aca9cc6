import { eventMatches } from "../model/event_name.ts";
import { grantsAllow } from "../model/scope.ts";
import type { Frame } from "../wire/frame.ts";
import type { Reader } from "./reader.ts";
import type { Subscription } from "./subscription.ts";

/** Whether a frame of a subscribed scope passes the event filter and may be read. */
export function accepts({ patterns }: Subscription, reader: Reader, frame: Frame): boolean {
  return (patterns.length === 0 || patterns.some((pattern) => eventMatches(pattern, frame.event))) &&
    mayRead(reader, frame);
}

/** Whether the reader holds every scope of the frame's audience. */
export function mayRead(reader: Reader, frame: Frame): boolean {
  return frame.audience.every((scope) => grantsAllow(reader.grants, scope));
}
