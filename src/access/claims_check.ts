import type { AuthConfig, IssuerConfig } from "../config/auth_schema.ts";
import type { CompactToken } from "./compact_token.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** The times of a token that passed, in milliseconds since 1970. */
export interface TokenTimes {
  readonly kind: "valid";
  readonly expiresAtMs: number;
  readonly issuedAtMs: number | undefined;
}

/** The last second that a JavaScript date can hold; a later `exp` is no date. */
const MAX_SECONDS = 8_640_000_000_000;

/**
 * Checks the registered claims (RFC 7519, 4.1) of a token whose signature is verified. `exp` is required, whole
 * seconds, and has no tolerance, because an open stream ends on it; the clock skew is granted to `nbf` and `iat`.
 */
export function checkClaims(
  { header, payload }: CompactToken,
  issuer: IssuerConfig,
  config: AuthConfig,
  nowMs: number,
): TokenTimes | Refusal {
  if (issuer.type !== undefined && !isType(header.typ, issuer.type)) return refusal("token-type-mismatch");
  const { exp, nbf, iat } = payload;
  if (!isSeconds(exp) || !Number.isInteger(exp)) {
    return refusal("token-claim-invalid", "`exp` must be there, as whole seconds since 1970.");
  }
  if (nbf !== undefined && !isSeconds(nbf)) return refusal("token-claim-invalid", "`nbf` is no number of seconds.");
  if (iat !== undefined && !isSeconds(iat)) return refusal("token-claim-invalid", "`iat` is no number of seconds.");
  if (nbf !== undefined && exp <= nbf) return refusal("token-claim-invalid", "`exp` is not after `nbf`.");
  if (exp * 1_000 <= nowMs) return refusal("token-expired");
  const latestStartMs = nowMs + config.clockSkewMs;
  if (nbf !== undefined && nbf * 1_000 > latestStartMs) return refusal("token-not-yet-valid");
  if (iat !== undefined && iat * 1_000 > latestStartMs) return refusal("token-not-yet-valid");
  if (config.maxTokenLifetimeMs !== undefined) {
    if (iat === undefined) {
      return refusal("token-lifetime-exceeded", "The token has no `iat`, so its lifetime is unknown.");
    }
    if ((exp - iat) * 1_000 > config.maxTokenLifetimeMs) return refusal("token-lifetime-exceeded");
  }
  return audienceRefusal(payload.aud, issuer.audience) ??
    { kind: "valid", expiresAtMs: exp * 1_000, issuedAtMs: iat === undefined ? undefined : iat * 1_000 };
}

/** RFC 7519, 4.1.3: a token that names an audience is refused by everyone who is not in it. */
function audienceRefusal(aud: unknown, accepted: readonly string[] | undefined): Refusal | undefined {
  if (aud === undefined && accepted === undefined) return undefined;
  if (accepted === undefined) {
    return refusal("audience-mismatch", "The token has an `aud`, and no audience is configured for its issuer.");
  }
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const isWellFormed = named.every((value) => typeof value === "string");
  return isWellFormed && accepted.some((value) => named.includes(value)) ? undefined : refusal("audience-mismatch");
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value <= MAX_SECONDS;
}

/** RFC 7515, 4.1.9: a type without a slash stands for `application/` and itself; case does not matter. */
function isType(typ: unknown, expected: string): boolean {
  return typeof typ === "string" && mediaType(typ) === mediaType(expected);
}

function mediaType(text: string): string {
  const lower = text.toLowerCase();
  return lower.includes("/") ? lower : `application/${lower}`;
}
