import type { CloseReason } from "../model/close_reason.ts";
import { REFUSED_HEADER } from "../wire/response_headers.ts";
import { problem } from "./problem.ts";

/** A refusal that time cures, with a real status: for whoever asked for one, and for polls, which no `EventSource` makes. */
export function refusedWithStatus(reason: CloseReason, retryMs: number, detail?: string): Response {
  const isTooMany = reason === "rate-limited" || reason === "connection-limit";
  return problem(
    isTooMany ? "too-many-requests" : "unavailable",
    `Refused: ${reason}${detail === undefined ? "" : `. ${detail}`}`,
    {
      "retry-after": String(Math.ceil(retryMs / 1_000)),
      [REFUSED_HEADER]: reason,
    },
  );
}
