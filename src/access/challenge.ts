import { ERROR_CODES, type ErrorCode } from "../model/error_code.ts";

/**
 * The `WWW-Authenticate` of a 401 (RFC 6750, 3). A request without any credential is told only the scheme; the
 * others the code, in words of ours alone.
 */
export function challenge(code: ErrorCode): string {
  if (code === "token-missing") return 'Bearer realm="tidegate"';
  const description = ERROR_CODES[code].text.replaceAll(/["\\]/g, "'");
  return `Bearer realm="tidegate", error="invalid_token", error_description="${description}"`;
}
