/** What one key may do. */
export interface RateLimits {
  /** Sustained rate; also how fast the burst comes back. */
  readonly perSecond: number;
  /** How many may come at once after a rest; at least 1. */
  readonly burst: number;
  /** Most keys remembered; beyond, the one that was quiet for longest is forgotten and starts afresh. */
  readonly maxKeys: number;
}

/** Whether one more is within the limits. */
export type RateVerdict =
  | { readonly kind: "allowed" }
  /** In `retryAfterMs` the same would be allowed, if nothing else comes. Being refused costs nothing. */
  | { readonly kind: "limited"; readonly retryAfterMs: number };

/**
 * A generic cell rate limiter (GCRA; ITU-T I.371, annex A): one number a key, the moment at which its burst would be
 * whole again. Runs on a monotonic clock, so that a clock that is set back frees or locks out nobody.
 *
 * Use one limiter for each sort of key (subjects, addresses), so that keys never have to be joined.
 */
export class RateLimiter {
  readonly #msPerUnit: number;
  readonly #burstMs: number;
  readonly #maxKeys: number;
  readonly #monotonicNow: () => number;
  /** Key → theoretical arrival time; in order of use. */
  readonly #arrivals = new Map<string, number>();

  constructor(limits: RateLimits, monotonicNow: () => number = () => performance.now()) {
    const { perSecond, burst, maxKeys } = limits;
    if (!(perSecond > 0 && Number.isFinite(perSecond)) || !(burst >= 1) || !(maxKeys >= 1)) {
      throw new RangeError(`Cannot limit a rate: perSecond ${perSecond}, burst ${burst}, maxKeys ${maxKeys}`);
    }
    this.#msPerUnit = 1_000 / perSecond;
    this.#burstMs = burst * this.#msPerUnit;
    this.#maxKeys = maxKeys;
    this.#monotonicNow = monotonicNow;
  }

  /** Takes `cost` units of the key's allowance, all or none. More than `burst` at once is never allowed. */
  take(key: string, cost = 1): RateVerdict {
    const nowMs = this.#monotonicNow();
    const arrivalMs = Math.max(this.#arrivals.get(key) ?? nowMs, nowMs);
    const nextMs = arrivalMs + cost * this.#msPerUnit;
    const earlyMs = nextMs - nowMs - this.#burstMs;
    // Sums of fractions: a difference below a microsecond is rounding, not haste.
    if (earlyMs > 1e-3) return { kind: "limited", retryAfterMs: Math.ceil(earlyMs) };
    this.#remember(key, nextMs);
    return { kind: "allowed" };
  }

  /** Keys remembered. */
  get size(): number {
    return this.#arrivals.size;
  }

  #remember(key: string, arrivalMs: number): void {
    this.#arrivals.delete(key);
    this.#arrivals.set(key, arrivalMs);
    if (this.#arrivals.size <= this.#maxKeys) return;
    for (const quietest of this.#arrivals.keys()) {
      this.#arrivals.delete(quietest);
      return;
    }
  }
}
