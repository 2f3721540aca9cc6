import type { Principal } from "./principal.ts";

/** Whom a revocation shuts out: a subject, one token by its `jti`, or a session. */
export interface RevocationTarget {
  readonly kind: "subject" | "token" | "session";
  readonly id: string;
  /** Default: whatever issuer the id comes from. */
  readonly issuer?: string;
}

/** How long, and for which tokens. */
export interface RevocationTerms {
  /** Milliseconds since 1970. Give at least the longest lifetime of the tokens that are meant. */
  readonly untilMs: number;
  /** Only tokens with an earlier `iat`, or none: a login afterwards works again. Default: every token. */
  readonly issuedBeforeMs?: number;
}

/** As far as a revocation must know whom it may concern. */
export type Revocable = Pick<Principal, "issuer" | "subject" | "issuedAtMs" | "tokenId" | "sessionId">;

/** Who is shut out, and how. */
export interface Revocation {
  readonly target: RevocationTarget;
  readonly terms: RevocationTerms;
}

/** Stands for "every issuer"; no issuer has an empty name. */
const EVERY_ISSUER = "";

/**
 * Who was shut out before the token's own `exp`. Asked on every request and, by whoever owns the open streams, after
 * every change; in this process's memory, so every node must be told.
 */
export class Revocations {
  readonly #maxEntries: number;
  readonly #now: () => number;
  /** Of each kind: id → issuer → terms. Nested, for joined texts could collide. */
  readonly #entries = {
    subject: new Map<string, Map<string, RevocationTerms>>(),
    token: new Map<string, Map<string, RevocationTerms>>(),
    session: new Map<string, Map<string, RevocationTerms>>(),
  };
  #size = 0;

  constructor(maxEntries: number, now: () => number) {
    this.#maxEntries = maxEntries;
    this.#now = now;
  }

  /** `full` when the limit is reached: none is ever forgotten early to make room. */
  revoke(target: RevocationTarget, terms: RevocationTerms): { readonly kind: "revoked" } | { readonly kind: "full" } {
    if (this.#size >= this.#maxEntries) this.#forgetPast();
    const issuer = target.issuer ?? EVERY_ISSUER;
    const issuers = this.#entries[target.kind].get(target.id) ?? new Map<string, RevocationTerms>();
    const known = issuers.get(issuer);
    if (known === undefined) {
      if (this.#size >= this.#maxEntries) return { kind: "full" };
      this.#size++;
    }
    issuers.set(issuer, known === undefined ? terms : widest(known, terms));
    this.#entries[target.kind].set(target.id, issuers);
    return { kind: "revoked" };
  }

  /** Takes a revocation back; false when there was none. */
  restore(target: RevocationTarget): boolean {
    const issuers = this.#entries[target.kind].get(target.id);
    if (issuers === undefined || !issuers.delete(target.issuer ?? EVERY_ISSUER)) return false;
    if (issuers.size === 0) this.#entries[target.kind].delete(target.id);
    this.#size--;
    return true;
  }

  isRevoked(principal: Revocable): boolean {
    if (this.#size === 0) return false;
    return this.#applies("subject", principal.subject, principal) ||
      this.#applies("token", principal.tokenId, principal) ||
      this.#applies("session", principal.sessionId, principal);
  }

  /** Revocations held, those that are past included until room is needed. */
  get size(): number {
    return this.#size;
  }

  /** Those that hold now, in no order worth relying on. */
  *list(): IterableIterator<Revocation> {
    const nowMs = this.#now();
    for (const kind of ["subject", "token", "session"] as const) {
      for (const [id, issuers] of this.#entries[kind]) {
        for (const [issuer, terms] of issuers) {
          if (nowMs >= terms.untilMs) continue;
          yield { target: { kind, id, ...(issuer === EVERY_ISSUER ? {} : { issuer }) }, terms };
        }
      }
    }
  }

  #applies(kind: RevocationTarget["kind"], id: string | undefined, principal: Revocable): boolean {
    const issuers = id === undefined ? undefined : this.#entries[kind].get(id);
    if (issuers === undefined) return false;
    return [issuers.get(EVERY_ISSUER), issuers.get(principal.issuer)].some((terms) =>
      terms !== undefined && this.#now() < terms.untilMs &&
      (terms.issuedBeforeMs === undefined || (principal.issuedAtMs ?? 0) < terms.issuedBeforeMs)
    );
  }

  #forgetPast(): void {
    const nowMs = this.#now();
    for (const ids of Object.values(this.#entries)) {
      for (const [id, issuers] of ids) {
        for (const [issuer, terms] of issuers) {
          if (nowMs >= terms.untilMs && issuers.delete(issuer)) this.#size--;
        }
        if (issuers.size === 0) ids.delete(id);
      }
    }
  }
}

/** A second revocation never frees whom the first one shut out. */
function widest(first: RevocationTerms, second: RevocationTerms): RevocationTerms {
  const untilMs = Math.max(first.untilMs, second.untilMs);
  if (first.issuedBeforeMs === undefined || second.issuedBeforeMs === undefined) return { untilMs };
  return { untilMs, issuedBeforeMs: Math.max(first.issuedBeforeMs, second.issuedBeforeMs) };
}
