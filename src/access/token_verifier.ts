import { compactVerify } from "jose";
import type { AuthConfig, IssuerConfig } from "../config/auth_schema.ts";
import { claimedGrants, claimedPermissions, claimedPublishTargets } from "./claimed_rights.ts";
import { claimValues } from "./claim_values.ts";
import { checkClaims, type TokenTimes } from "./claims_check.ts";
import { type CompactToken, parseCompactToken } from "./compact_token.ts";
import { createPinnedKeySet, type KeySet } from "./key_set.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refusal } from "./refusal.ts";
import { createRemoteKeySet, type RemoteKeySetOptions } from "./remote_key_set.ts";

/** Verifies the text of a JWT, or says why not. */
export type TokenVerifier = (text: string) => Promise<VerifiedToken | Refusal>;

/** A token that is genuine, in time and meant for us. */
export interface VerifiedToken {
  readonly kind: "principal";
  readonly principal: Principal;
}

interface TrustedIssuer {
  readonly config: IssuerConfig;
  readonly algorithms: ReadonlySet<string>;
  /** Pinned keys first, for they cost no fetch. */
  readonly keySets: readonly KeySet[];
}

/** Longest subject, session and token identifier in characters. */
const MAX_IDENTIFIER_LENGTH = 255;
/** Control and format characters, lone surrogates: two such texts can look like one. */
const INVISIBLE = /\p{C}/u;

/**
 * Makes the one place where a token turns into a principal.
 *
 * Until the signature is verified, `iss`, `alg` and `kid` are only compared with what is configured; every other
 * member is looked at afterwards, and `jwk`, `jku`, `x5u`, `x5c` never.
 */
export function createTokenVerifier(
  config: AuthConfig,
  now: () => number,
  options: RemoteKeySetOptions = {},
): TokenVerifier {
  const issuers = new Map(config.issuers.map((issuer) => [issuer.issuer, trustedIssuer(issuer, options)]));
  return async (text) => {
    const token = parseCompactToken(text);
    if (token === undefined) return refusal("token-malformed");
    if (Object.hasOwn(token.header, "crit") || Object.hasOwn(token.header, "b64")) return refusal("header-refused");
    const { iss } = token.payload;
    const issuer = typeof iss === "string" ? issuers.get(iss) : undefined;
    if (issuer === undefined) return refusal("issuer-unknown");
    const unverified = await signatureRefusal(token, issuer);
    if (unverified !== undefined) return unverified;
    const times = checkClaims(token, issuer.config, config, now());
    return times.kind === "refused" ? times : principalOf(token, times, issuer.config, config);
  };
}

function trustedIssuer(issuer: IssuerConfig, options: RemoteKeySetOptions): TrustedIssuer {
  const { keys, jwks } = issuer;
  return {
    config: issuer,
    algorithms: new Set([...keys.map(({ algorithm }) => algorithm), ...jwks?.algorithms ?? []]),
    keySets: [createPinnedKeySet(keys), ...(jwks === undefined ? [] : [createRemoteKeySet(jwks, options)])],
  };
}

/** Why the token is not its issuer's; `undefined` when one of the issuer's keys verifies it. */
async function signatureRefusal(token: CompactToken, issuer: TrustedIssuer): Promise<Refusal | undefined> {
  const { alg, kid } = token.header;
  if (typeof alg !== "string" || !issuer.algorithms.has(alg)) return refusal("algorithm-refused");
  if (kid !== undefined && typeof kid !== "string") return refusal("key-unknown");
  let worst: "key-unknown" | "keys-unavailable" | "signature-invalid" = "key-unknown";
  for (const keySet of issuer.keySets) {
    const lookup = await keySet.candidates(alg, kid);
    if (lookup.kind === "unavailable") worst = "keys-unavailable";
    if (lookup.kind !== "keys") continue;
    for (const key of lookup.keys) {
      const verified = await compactVerify(token.text, key, { algorithms: [alg] }).then(() => true, () => false);
      if (verified) return undefined;
      worst = "signature-invalid";
    }
  }
  return refusal(worst);
}

function principalOf(
  { payload }: CompactToken,
  times: TokenTimes,
  issuer: IssuerConfig,
  config: AuthConfig,
): VerifiedToken | Refusal {
  const subject = identifier(claimValues(payload, config.claims.subject)[0]);
  const sessionId = identifier(claimValues(payload, config.claims.session)[0]);
  const tokenId = identifier(payload.jti);
  if (subject === undefined || subject === null) return malformedIdentifier(config.claims.subject.text);
  if (sessionId === null) return malformedIdentifier(config.claims.session.text);
  if (tokenId === null) return malformedIdentifier("jti");
  const grants = claimedGrants(issuer.grants ?? config.grants, payload, config.maxGrants);
  const publishTargets = claimedPublishTargets(issuer.publish ?? config.publish, payload, config.maxGrants);
  if (grants === undefined || publishTargets === undefined) {
    return refusal("too-many-grants", `The token's claims yield more than ${config.maxGrants} grants.`);
  }
  return {
    kind: "principal",
    principal: {
      issuer: issuer.issuer,
      subject,
      grants,
      permissions: claimedPermissions(config.claims.permissions, payload),
      publishTargets,
      expiresAtMs: times.expiresAtMs,
      ...(times.issuedAtMs === undefined ? {} : { issuedAtMs: times.issuedAtMs }),
      ...(tokenId === undefined ? {} : { tokenId }),
      ...(sessionId === undefined ? {} : { sessionId }),
    },
  };
}

/** `null` for what is there and is no identifier: passing it over would put its holder out of reach of revocations. */
function identifier(value: unknown): string | undefined | null {
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value === "" || value.length > MAX_IDENTIFIER_LENGTH) return null;
  return INVISIBLE.test(value) ? null : value;
}

function malformedIdentifier(claim: string): Refusal {
  return refusal(
    "token-claim-invalid",
    `\`${claim}\` must be a text of 1 to ${MAX_IDENTIFIER_LENGTH} visible characters.`,
  );
}
