import { type CryptoKey, exportJWK, type JWK, SignJWT } from "jose";
import { type AuthConfig, authSchema } from "../../src/config/auth_schema.ts";

/** 2026-01-01, the present of these tests. */
export const NOW_MS = 1_767_225_600_000;
export const NOW_SECONDS = NOW_MS / 1_000;
export const SECRET = "kJ8vQ2mX5sL9tR4wZ7yB1nC6pF3gH0dA";
export const ISSUER = "https://issuer.example";

/** Claims of a token that is good in every way. */
export const GOOD_CLAIMS = { iss: ISSUER, sub: "alice", exp: NOW_SECONDS + 3_600 };

/** Parses an `auth` section as it would stand in the file. */
export function authConfig(section: Record<string, unknown> = {}): AuthConfig {
  return authSchema.parse({ issuers: [{ issuer: ISSUER, secret: SECRET }], ...section });
}

/** Signs claims with the fixture's secret, header as given. */
export function sign(
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: CryptoKey | Uint8Array = new TextEncoder().encode(SECRET),
): Promise<string> {
  return new SignJWT({ ...GOOD_CLAIMS, ...claims }).setProtectedHeader({ alg: "HS256", ...header }).sign(key);
}

/** A compact JWS of exactly these parts, each text encoded as it is, HMAC-signed with the fixture's secret. */
export async function signText(header: string, payload: string, secret: string = SECRET): Promise<string> {
  const input = `${base64url(header)}.${base64url(payload)}`;
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

export function base64url(content: string | Uint8Array): string {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A fresh key pair for an algorithm, the public half as JWK. */
export async function keyPair(
  algorithm: "RS256" | "ES256" | "ES384" | "EdDSA",
): Promise<{ readonly privateKey: CryptoKey; readonly publicKey: CryptoKey; readonly jwk: JWK }> {
  const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2_048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  };
  const parameters = {
    RS256: rsa,
    ES256: { name: "ECDSA", namedCurve: "P-256" },
    ES384: { name: "ECDSA", namedCurve: "P-384" },
    EdDSA: { name: "Ed25519" },
  }[algorithm];
  const pair = await crypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("Cannot make a key pair: the algorithm is symmetric");
  return { ...pair, jwk: await exportJWK(pair.publicKey) };
}
