import { createHash, timingSafeEqual } from "node:crypto";
import { isCrossSite } from "./cross_site.ts";
import { type Refusal, refusal } from "./refusal.ts";

const BEARER = /^bearer +([\x21-\x7e]+) *$/i;
/** No page of another origin is ever meant to act for an operator. */
const NO_ORIGINS: ReadonlySet<string> = new Set();

/**
 * Tells whether a request is the operator's: it has the admin token in `Authorization` and nowhere else. No cookie
 * carries it, so no page can make a browser send it along.
 */
export class AdminAccess {
  readonly #digest: Uint8Array;

  constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /** Why the request may not pass; `undefined` when it is the operator's. */
  refusalFor(headers: Headers): Refusal | undefined {
    // The header already keeps other sites out; this also tells a page that was given the token that it is not welcome.
    if (isCrossSite({ method: "GET", headers }, NO_ORIGINS)) return refusal("cross-site-request");
    const authorization = headers.get("authorization");
    if (authorization === null) return refusal("token-missing", "Send `Authorization: Bearer` and the admin token.");
    const token = BEARER.exec(authorization)?.[1];
    // Digests are of one length, and tell by no difference in time how much of a guess was right.
    return token !== undefined && timingSafeEqual(digestOf(token), this.#digest)
      ? undefined
      : refusal("admin-token-invalid");
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
