import { type Grant, grantsAllow, type Scope } from "../model/scope.ts";

/** Who a verified token speaks for, and what it grants. Immutable: a new token makes a new principal. */
export interface Principal {
  /** `iss` of the token. A subject means nothing without it: two issuers may know two different `alice`. */
  readonly issuer: string;
  readonly subject: string;
  /** What it may read; check a scope with `grantsAllow`. */
  readonly grants: ReadonlySet<Grant>;
  readonly permissions: ReadonlySet<Permission>;
  /** Where it may publish, if it has the permission at all: ask {@link mayPublish}. */
  readonly publishTargets: PublishTargets;
  /** Milliseconds since 1970; from this moment on nothing may be delivered to it. */
  readonly expiresAtMs: number;
  /** `iat` in milliseconds since 1970, where the token has one. */
  readonly issuedAtMs?: number;
  /** `jti`, where the token has one. */
  readonly tokenId?: string;
  readonly sessionId?: string;
}

/** One text for the pair that names a principal, which no other pair has: for maps and limiters. */
export function principalKey({ issuer, subject }: Pick<Principal, "issuer" | "subject">): string {
  return JSON.stringify([issuer, subject]);
}

/** What a principal may do beyond reading. Texts in a token that are not among them mean nothing. */
export const PERMISSIONS = ["events:publish"] as const;
/** One of {@link PERMISSIONS}. */
export type Permission = (typeof PERMISSIONS)[number];

/** `everywhere` only ever comes from a configured `"*"`, never from a claim's value. */
export interface PublishTargets {
  readonly everywhere: boolean;
  readonly grants: ReadonlySet<Grant>;
}

/** No target at all. */
export const NO_PUBLISH_TARGETS: PublishTargets = { everywhere: false, grants: new Set() };

/** Whether the principal may publish to the scope: it needs `events:publish` and a target that covers the scope. */
export function mayPublish(principal: Principal, scope: Scope): boolean {
  if (!principal.permissions.has("events:publish")) return false;
  return principal.publishTargets.everywhere || grantsAllow(principal.publishTargets.grants, scope);
}
