/** The fields of one block of an event stream, as text. */
export interface SSEFields {
  /** Becomes the client's `lastEventId`. An empty one would reset it and is refused. */
  readonly id?: string;
  readonly event?: string;
  /** May hold any text: each line of it becomes a `data:` line. */
  readonly data?: string;
  /** Milliseconds; see {@link MIN_RETRY_MS}. */
  readonly retry?: number;
}

/** A smaller `retry` would let a native EventSource reconnect in a hot loop. */
export const MIN_RETRY_MS = 1_000;
/** A larger one would look like a dead client. */
export const MAX_RETRY_MS = 300_000;

const LINE_END = /\r\n|\r|\n/;
// deno-lint-ignore no-control-regex -- these are the characters that end a field or make clients ignore it
const BREAKS_A_FIELD = /[\r\n\u0000]/;

/**
 * Formats one block, ended by its blank line. The only place of the product that writes the grammar of an event
 * stream (WHATWG HTML, 9.2.5 "Parsing an event stream"), so that no value can break out of its field.
 *
 * @throws TypeError when `id` or `event` holds CR, LF or NUL, or is empty
 */
export function formatSSE(fields: SSEFields): string {
  let block = "";
  if (fields.retry !== undefined) block += `retry: ${clampRetryMs(fields.retry)}\n`;
  if (fields.id !== undefined) block += `id: ${singleLine("id", fields.id)}\n`;
  if (fields.event !== undefined) block += `event: ${singleLine("event", fields.event)}\n`;
  if (fields.data !== undefined) block += dataLines(fields.data);
  return block + "\n";
}

function clampRetryMs(retryMs: number): number {
  if (!Number.isFinite(retryMs)) return MAX_RETRY_MS;
  return Math.round(Math.min(Math.max(retryMs, MIN_RETRY_MS), MAX_RETRY_MS));
}

function singleLine(field: "id" | "event", value: string): string {
  if (value === "" || BREAKS_A_FIELD.test(value)) {
    throw new TypeError(
      `Cannot write the ${field} of an event: ${JSON.stringify(value)} is empty or holds CR, LF or NUL`,
    );
  }
  return value;
}

function dataLines(data: string): string {
  if (!data.includes("\n") && !data.includes("\r")) return `data: ${data}\n`;
  return data.split(LINE_END).map((line) => `data: ${line}\n`).join("");
}
