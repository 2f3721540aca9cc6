import { challenge } from "../access/challenge.ts";
import { ERROR_CODES, type ErrorCode } from "../model/error_code.ts";

/**
 * A refusal for good: an RFC 9457 problem body with a stable `code`. `detail` is for the person who called; it never
 * holds internals, and input only in quoted form.
 */
export function problem(code: ErrorCode, detail: string, headers: Readonly<Record<string, string>> = {}): Response {
  const { status, text } = ERROR_CODES[code];
  const body = { type: `urn:tidegate:problem:${code}`, title: text, status, code, detail };
  return new Response(JSON.stringify(body) + "\n", {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(status === 401 ? { "www-authenticate": challenge(code) } : {}),
      ...headers,
    },
  });
}
