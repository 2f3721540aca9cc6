import { EVENT_SCHEMAS } from "../model/events.ts";

/** Unknown members are allowed either way; asked not to keep them, zod compiles its check. */
const SCHEMAS = new Map(Object.entries(EVENT_SCHEMAS).map(([name, schema]) => [name, schema.strip()]));

/** Where data does not fit the built-in schema of its event, and why; `undefined` where it does, or the event has none. */
export function misfitOf(event: string, data: unknown): string | undefined {
  const [issue] = SCHEMAS.get(event)?.safeParse(data).error?.issues ?? [];
  if (issue === undefined) return undefined;
  return [event, issue.path.join("."), issue.message].filter((text) => text !== "").join(": ");
}
