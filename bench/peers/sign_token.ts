import { createHmac } from "node:crypto";

const ISSUER = "bench";
const SECRET = "the-secret-of-a-bench-is-no-secret-at-all";
const LIFETIME_SECONDS = 12 * 60 * 60;

/** An HS256 token of the bench's own issuer; made here, so that the gateway's verifier meets another's work. */
export function signToken(claims: Readonly<Record<string, unknown>>): string {
  const iat = Math.floor(Date.now() / 1_000);
  const payload = { iss: ISSUER, iat, exp: iat + LIFETIME_SECONDS, ...claims };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(payload)}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

signToken.issuer = ISSUER;
signToken.secret = SECRET;

function encode(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
