import type { Principal } from "./principal.ts";

/** A token is verified anew after this time, so that a key which its issuer withdrew stops working. */
export const REVERIFY_AFTER_MS = 300_000;

/** How exact the order of use is: moving an entry costs ten times what finding it does. */
const TOUCH_AFTER_MS = 1_000;

interface VerifiedToken {
  readonly principal: Principal;
  readonly untilMs: number;
  touchedAtMs: number;
}

/**
 * The principals of tokens that were verified lately, by the token's exact text: a publisher sends the same token
 * thousands of times a second, and a look into a map costs a hundredth of a signature.
 *
 * Only verified tokens enter, so that no stranger can fill it; an entry never outlives its token's `exp`. Whether a
 * principal was revoked is not remembered here and must be asked each time.
 */
export class VerifiedTokens {
  readonly #maxTokens: number;
  /** In order of use, to {@link TOUCH_AFTER_MS}: the first is the one unused for longest. */
  readonly #entries = new Map<string, VerifiedToken>();

  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens;
  }

  find(token: string, nowMs: number): Principal | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    if (nowMs >= entry.untilMs) {
      this.#entries.delete(token);
      return undefined;
    }
    if (nowMs - entry.touchedAtMs >= TOUCH_AFTER_MS) {
      entry.touchedAtMs = nowMs;
      this.#entries.delete(token);
      this.#entries.set(token, entry);
    }
    return entry.principal;
  }

  remember(token: string, principal: Principal, nowMs: number): void {
    const untilMs = Math.min(principal.expiresAtMs, nowMs + REVERIFY_AFTER_MS);
    this.#entries.set(token, { principal, untilMs, touchedAtMs: nowMs });
    if (this.#entries.size <= this.#maxTokens) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  get size(): number {
    return this.#entries.size;
  }
}
