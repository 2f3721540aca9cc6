import { createPublicKey, type JsonWebKey as NodeJsonWebKey, type KeyObject } from "node:crypto";

/** Signature algorithms (RFC 7518, RFC 9864) with what a key must be to serve each. `none` is not among them. */
const ASYMMETRIC = {
  RS256: { type: "rsa" },
  RS384: { type: "rsa" },
  RS512: { type: "rsa" },
  PS256: { type: "rsa" },
  PS384: { type: "rsa" },
  PS512: { type: "rsa" },
  ES256: { type: "ec", curve: "P-256" },
  ES384: { type: "ec", curve: "P-384" },
  ES512: { type: "ec", curve: "P-521" },
  EdDSA: { type: "ed25519" },
  Ed25519: { type: "ed25519" },
} as const satisfies Record<string, { readonly type: string; readonly curve?: string }>;

/** Algorithms whose verifying key is public. */
export type AsymmetricAlgorithm = keyof typeof ASYMMETRIC;
/** Names of {@link AsymmetricAlgorithm}. */
export const ASYMMETRIC_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const satisfies readonly AsymmetricAlgorithm[];

/** Fewest bytes of an HMAC secret: the hash's own length (RFC 7518, 3.2). */
export const MIN_SECRET_BYTES = { HS256: 32, HS384: 48, HS512: 64 } as const;
/** Algorithms whose one key both signs and verifies. */
export type SecretAlgorithm = keyof typeof MIN_SECRET_BYTES;

/** A public key as a JWK, of the type that its algorithm needs. */
export interface PublicJwk {
  readonly kty: string;
  readonly [member: string]: unknown;
}

/** Fewer different characters than this are a placeholder, not a secret. */
const MIN_DISTINCT_CHARACTERS = 8;
/** Smaller moduli can be factored; RFC 7518, 3.3. */
const MIN_RSA_BITS = 2_048;
/** FIPS 186-5, A.1.1: below it lie e = 1, with which everything verifies, and e = 3. */
const MIN_RSA_EXPONENT = 65_537n;

/** What is wrong with a secret for the algorithm; `undefined` when it will do. */
export function secretProblem(secret: string, algorithm: SecretAlgorithm): string | undefined {
  const minBytes = MIN_SECRET_BYTES[algorithm];
  if (new TextEncoder().encode(secret).byteLength < minBytes) {
    return `must be at least ${minBytes} bytes for ${algorithm}`;
  }
  return new Set(secret).size < MIN_DISTINCT_CHARACTERS
    ? "must be random, such as the output of: openssl rand -base64 48"
    : undefined;
}

/** Reads a public key (PEM or JWK) for one algorithm; a problem completes a sentence that starts with "the key". */
export function readPublicKey(
  key: string | Readonly<Record<string, unknown>>,
  algorithm: AsymmetricAlgorithm,
): PublicJwk | { readonly problem: string } {
  if (typeof key === "string" ? key.includes("PRIVATE KEY") : Object.hasOwn(key, "d")) {
    return { problem: "is a private key; give the public one, and keep the other away from here" };
  }
  if (typeof key === "string" && !key.includes("PUBLIC KEY") && !key.includes("CERTIFICATE")) {
    return { problem: "is no PEM (-----BEGIN PUBLIC KEY-----)" };
  }
  let object: KeyObject;
  let jwk: NodeJsonWebKey;
  try {
    object = createPublicKey(typeof key === "string" ? key : { key: key as NodeJsonWebKey, format: "jwk" });
    jwk = object.export({ format: "jwk" });
  } catch {
    return { problem: "cannot be read as a public key" };
  }
  const problem = unfit(object, jwk, algorithm);
  return problem === undefined ? { ...jwk, kty: String(jwk.kty) } : { problem };
}

function unfit(object: KeyObject, jwk: NodeJsonWebKey, algorithm: AsymmetricAlgorithm): string | undefined {
  const needed: { readonly type: string; readonly curve?: string } = ASYMMETRIC[algorithm];
  if (object.asymmetricKeyType !== needed.type) {
    return `is of type ${object.asymmetricKeyType ?? "unknown"}; ${algorithm} needs ${needed.type}`;
  }
  if (needed.curve !== undefined && jwk.crv !== needed.curve) {
    return `is on the curve ${String(jwk.crv)}; ${algorithm} needs ${needed.curve}`;
  }
  if (needed.type !== "rsa") return undefined;
  const { modulusLength = 0, publicExponent = 0n } = object.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_RSA_BITS) return `has ${modulusLength} bits; ${algorithm} needs ${MIN_RSA_BITS} at least`;
  return BigInt(publicExponent) < MIN_RSA_EXPONENT ? `has the exponent ${publicExponent}, which is unsafe` : undefined;
}
