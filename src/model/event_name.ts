/** Longest event name, in characters. */
export const MAX_EVENT_NAME_LENGTH = 100;

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*\.[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const PATTERN_DOMAIN = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*\.\*$/;

/**
 * Whether the text may be an event's name: `domain.action-past`, lower case, such as `task.progress-updated`. The
 * domain `stream` is the gateway's own; `error`, `open` and `message`, which mean something to every EventSource,
 * do not fit the form.
 */
export function isEventName(text: string): boolean {
  return text.length <= MAX_EVENT_NAME_LENGTH && NAME.test(text) && !text.startsWith("stream.");
}

/** Whether the text may stand in a subscription: an event's name, or `domain.*`. */
export function isEventPattern(text: string): boolean {
  return isEventName(text) || (text.length <= MAX_EVENT_NAME_LENGTH && PATTERN_DOMAIN.test(text));
}

/** Whether the pattern, an exact name or `domain.*`, selects the event. */
export function eventMatches(pattern: string, event: string): boolean {
  return pattern.endsWith(".*") ? event.startsWith(pattern.slice(0, -1)) : pattern === event;
}
