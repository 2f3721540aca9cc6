import { type CryptoKey, importJWK } from "jose";
import type { PinnedKey } from "../config/auth_schema.ts";

/** Keys of one issuer, and of no other: there is no way to ask for a key by its name alone. */
export interface KeySet {
  /** The keys that the header's `alg` and `kid` select; both are only compared, never used to fetch. */
  candidates(alg: string, kid: string | undefined): Promise<KeyLookup>;
}

/** What a {@link KeySet} knows about a selector. */
export type KeyLookup =
  /** At least one, at most {@link MAX_CANDIDATE_KEYS}. */
  | { readonly kind: "keys"; readonly keys: readonly CryptoKey[] }
  | { readonly kind: "none" }
  /** There may be one, but the set cannot be read now. */
  | { readonly kind: "unavailable" };

/** Most keys that one token is tried against; bounds what an unverified token can cost. */
export const MAX_CANDIDATE_KEYS = 4;

/** The keys that stand in the configuration. */
export function createPinnedKeySet(pinned: readonly PinnedKey[]): KeySet {
  const imported = new Map<PinnedKey, Promise<CryptoKey>>();
  const keyOf = (key: PinnedKey) => {
    const known = imported.get(key) ?? importPinned(key);
    imported.set(key, known);
    return known;
  };
  return {
    async candidates(alg, kid) {
      const selected = pinned
        .filter((key) => key.algorithm === alg && (key.kid === undefined || kid === undefined || key.kid === kid))
        .slice(0, MAX_CANDIDATE_KEYS);
      if (selected.length === 0) return { kind: "none" };
      return { kind: "keys", keys: await Promise.all(selected.map(keyOf)) };
    },
  };
}

async function importPinned(key: PinnedKey): Promise<CryptoKey> {
  if (key.kind === "secret") {
    const hash = key.algorithm.replace("HS", "SHA-");
    const bytes = new TextEncoder().encode(key.secret);
    return await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash }, false, ["verify"]);
  }
  const imported = await importJWK(key.jwk, key.algorithm);
  if (imported instanceof Uint8Array || imported.type !== "public") {
    throw new TypeError(`Cannot verify with the key of ${key.algorithm}: it is not a public key`);
  }
  return imported;
}
