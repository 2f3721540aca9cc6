/** Name of the events of an audit: nobody else's stream asks for it. */
export const AUDIT_EVENT = "audit.event-numbered";

/** What an audit's event carries. Runs that share a scope tell theirs apart by `run`. */
export interface AuditData {
  readonly run: string;
  readonly number: number;
}

/** The number in the content of an event of this run; `undefined` for whatever else came. */
export function readNumber(content: unknown, run: string): number | undefined {
  const data = typeof content === "object" && content !== null ? Reflect.get(content, "data") : undefined;
  if (typeof data !== "object" || data === null || Reflect.get(data, "run") !== run) return undefined;
  const number: unknown = Reflect.get(data, "number");
  return typeof number === "number" ? number : undefined;
}
