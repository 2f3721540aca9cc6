import type { Grant } from "../model/scope.ts";

/** Whom a stream speaks to, as far as the stream must know. */
export interface Reader {
  /** A subject means nothing without it: two issuers may know two different `alice`. */
  readonly issuer: string;
  readonly subject: string;
  readonly grants: ReadonlySet<Grant>;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** By what else of its token it can be shut out; see `Revocations`. */
  readonly issuedAtMs?: number;
  readonly tokenId?: string;
  readonly sessionId?: string;
}
