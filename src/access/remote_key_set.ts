import { type CryptoKey, importJWK, type JWK } from "jose";
import type { JwksConfig } from "../config/auth_schema.ts";
import { type AsymmetricAlgorithm, readPublicKey } from "../config/verification_key.ts";
import { fetchKeySet } from "./fetch_key_set.ts";
import { type KeySet, MAX_CANDIDATE_KEYS } from "./key_set.ts";

/** What a fetch of the key set came to; one report a fetch. */
export type KeySetReport =
  | { readonly kind: "fetched"; readonly url: string; readonly usableKeys: number; readonly ignoredKeys: number }
  | { readonly kind: "failed"; readonly url: string; readonly error: Error };

/** What a {@link createRemoteKeySet} needs from outside; the defaults are the real ones. */
export interface RemoteKeySetOptions {
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly monotonicNow?: () => number;
  readonly report?: (report: KeySetReport) => void;
  /** Default {@link fetchKeySet}. */
  readonly fetch?: (config: JwksConfig) => Promise<readonly JWK[]>;
}

interface RemoteKey {
  readonly kid: string | undefined;
  readonly algorithm: string;
  readonly key: CryptoKey;
}

/**
 * The keys that an issuer publishes (RFC 7517, 5), fetched when first needed and kept fresh.
 *
 * At most one fetch in a cooldown, whether it fails or not and whatever names tokens carry; the last set keeps
 * working for `maxStale` while the issuer is away.
 */
export function createRemoteKeySet(config: JwksConfig, options: RemoteKeySetOptions = {}): KeySet {
  const { monotonicNow = () => performance.now(), report = () => {}, fetch = fetchKeySet } = options;
  let keys: readonly RemoteKey[] = [];
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  /** Resolves when the fetch under way is over, or at once inside the cooldown. Never rejects. */
  function refresh(): Promise<void> {
    if (fetching !== undefined) return fetching;
    if (monotonicNow() - attemptedAtMs < config.cooldownMs) return Promise.resolve();
    attemptedAtMs = monotonicNow();
    fetching = attempt().finally(() => fetching = undefined);
    return fetching;
  }

  async function attempt(): Promise<void> {
    try {
      const published = await fetch(config);
      const usable = await Promise.all(published.map((jwk) => importUsable(jwk, config.algorithms)));
      keys = usable.flat();
      fetchedAtMs = monotonicNow();
      const ignoredKeys = usable.filter((imported) => imported.length === 0).length;
      report({ kind: "fetched", url: config.url, usableKeys: published.length - ignoredKeys, ignoredKeys });
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      report({ kind: "failed", url: config.url, error });
    }
  }

  return {
    async candidates(alg, kid) {
      const ageMs = monotonicNow() - fetchedAtMs;
      if (ageMs >= config.maxStaleMs) await refresh();
      else if (ageMs >= config.maxAgeMs) void refresh();
      let found = select(keys, alg, kid);
      if (found.length === 0) {
        await refresh();
        found = select(keys, alg, kid);
      }
      if (monotonicNow() - fetchedAtMs >= config.maxStaleMs) return { kind: "unavailable" };
      return found.length === 0 ? { kind: "none" } : { kind: "keys", keys: found };
    },
  };
}

function select(keys: readonly RemoteKey[], alg: string, kid: string | undefined): readonly CryptoKey[] {
  return keys
    .filter((key) => key.algorithm === alg && (kid === undefined || key.kid === kid))
    .slice(0, MAX_CANDIDATE_KEYS)
    .map(({ key }) => key);
}

/**
 * The key once for each allowed algorithm that it can serve: its own `alg` when it says one, else those of its type.
 * Keys for other uses, secrets, private keys and weak ones serve none.
 */
async function importUsable(jwk: JWK, algorithms: readonly AsymmetricAlgorithm[]): Promise<readonly RemoteKey[]> {
  if (jwk.use !== undefined && jwk.use !== "sig") return [];
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) return [];
  const usable: RemoteKey[] = [];
  for (const algorithm of algorithms) {
    if (jwk.alg !== undefined && jwk.alg !== algorithm) continue;
    const read = readPublicKey({ ...jwk }, algorithm);
    if ("problem" in read) continue;
    const key = await importJWK(read, algorithm).catch(() => undefined);
    if (key === undefined || key instanceof Uint8Array || key.type !== "public") continue;
    usable.push({ kid: typeof jwk.kid === "string" ? jwk.kid : undefined, algorithm, key });
  }
  return usable;
}
