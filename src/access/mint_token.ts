import { SignJWT } from "jose";
import { randomUUID } from "node:crypto";
import type { AuthConfig, ClaimCondition, GrantRule, IssuerConfig } from "../config/auth_schema.ts";
import type { ClaimPath } from "../config/claim_path.ts";
import type { Grant } from "../model/scope.ts";

/** What a minted token shall say. */
export interface TokenWish {
  readonly subject: string;
  /** Beyond what the subject and session grant by themselves. */
  readonly grants: readonly Grant[];
  readonly mayPublish: boolean;
  readonly sessionId?: string;
  /** Further claims, by their names in the payload. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly lifetimeMs: number;
}

/** A token, or why this configuration cannot make it. */
export type MintedToken =
  | { readonly kind: "token"; readonly text: string }
  /** The issuer signs with a key that only it has. */
  | { readonly kind: "no-secret" }
  /** No template of the issuer's yields this grant beside the other claims. */
  | { readonly kind: "unreachable-grant"; readonly grant: Grant };

/**
 * Makes a token that this configuration accepts, by working its templates backwards: for `novel:7` and the template
 * `novel:{novel_ids[]}` the claim `novel_ids` gets the element `"7"`. For development and tests: in production the
 * issuer makes tokens, and the gateway has only its public key.
 */
export async function mintToken(
  wish: TokenWish,
  issuer: IssuerConfig,
  config: AuthConfig,
  nowMs: number,
): Promise<MintedToken> {
  const key = issuer.keys.find((pinned) => pinned.kind === "secret");
  if (key?.kind !== "secret") return { kind: "no-secret" };
  const claims: Claims = structuredClone({ ...wish.claims });
  put(claims, config.claims.subject, wish.subject);
  if (wish.sessionId !== undefined) put(claims, config.claims.session, wish.sessionId);
  if (wish.mayPublish) putPermission(claims, config.claims.permissions, "events:publish");
  for (const grant of wish.grants) {
    const rules = issuer.grants ?? config.grants;
    if (!rules.some((rule) => satisfy(claims, rule, grant))) return { kind: "unreachable-grant", grant };
  }
  const issuedAt = Math.floor(nowMs / 1_000);
  const token = new SignJWT({ jti: randomUUID(), ...claims, iss: issuer.issuer })
    .setProtectedHeader({
      alg: key.algorithm,
      typ: issuer.type ?? "JWT",
      ...(key.kid === undefined ? {} : { kid: key.kid }),
    })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + Math.ceil(wish.lifetimeMs / 1_000));
  if (issuer.audience !== undefined) token.setAudience([...issuer.audience]);
  return { kind: "token", text: await token.sign(new TextEncoder().encode(key.secret)) };
}

type Claims = Record<string, unknown>;

/** Adds the claims with which the rule yields the grant; false, and nothing added, when it cannot. */
function satisfy(claims: Claims, { template, when }: GrantRule, grant: Grant): boolean {
  const trial = structuredClone(claims);
  if (when !== undefined && !putCondition(trial, when)) return false;
  if (template.kind === "literal") {
    if (template.grant !== grant) return false;
  } else {
    if (!grant.startsWith(template.prefix) || grant.endsWith(":*")) return false;
    if (!put(trial, template.path, grant.slice(template.prefix.length))) return false;
  }
  Object.assign(claims, trial);
  return true;
}

function putCondition(claims: Claims, { claim, is }: ClaimCondition): boolean {
  return put(claims, claim, is);
}

/** Puts a text where the path leads, as a further element where it expands; false when something else is there. */
function put(claims: Claims, path: ClaimPath, text: string): boolean {
  const { segments, expandAfter = 0 } = path;
  let place = claims;
  for (const [index, name] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (expandAfter === index + 1) {
      const element: Claims = {};
      const list = place[name] ?? (place[name] = []);
      if (!Array.isArray(list)) return false;
      if (isLast) return list.includes(text) || list.push(text) > 0;
      list.push(element);
      place = element;
    } else if (isLast) {
      if (place[name] !== undefined && place[name] !== text) return false;
      place[name] = text;
    } else {
      const inner = place[name] ?? (place[name] = {});
      if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return false;
      place = inner as Claims;
    }
  }
  return true;
}

/** A permission stands in a list, whether the path says so or not. */
function putPermission(claims: Claims, path: ClaimPath, permission: string): void {
  put(claims, { ...path, expandAfter: path.expandAfter ?? path.segments.length }, permission);
}
