import { type Link, LinkedQueue } from "./linked_queue.ts";

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
  readonly #links = new Map<string, Link<KeyState>>();
  /** The first is the one that was quiet for longest. */
  readonly #byUse = new LinkedQueue<KeyState>();

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
    const arrivalMs = Math.max(this.#links.get(key)?.value.arrivalMs ?? nowMs, nowMs);
    const nextMs = arrivalMs + cost * this.#msPerUnit;
    const earlyMs = nextMs - nowMs - this.#burstMs;
    // Sums of fractions: a difference below a microsecond is rounding, not haste.
    if (earlyMs > 1e-3) return { kind: "limited", retryAfterMs: Math.ceil(earlyMs) };
    this.#remember(key, nextMs);
    return { kind: "allowed" };
  }

  /** Keys remembered. */
  get size(): number {
    return this.#links.size;
  }

  #remember(key: string, arrivalMs: number): void {
    const known = this.#links.get(key);
    if (known !== undefined) {
      known.value.arrivalMs = arrivalMs;
      this.#byUse.moveToEnd(known);
      return;
    }
    this.#links.set(key, this.#byUse.append({ key, arrivalMs }));
    const quietest = this.#links.size > this.#maxKeys ? this.#byUse.first : undefined;
    const link = quietest === undefined ? undefined : this.#links.get(quietest.key);
    if (link === undefined) return;
    this.#byUse.remove(link);
    this.#links.delete(link.value.key);
  }
}

interface KeyState {
  readonly key: string;
  /** The theoretical arrival time: when the burst would be whole again. */
  arrivalMs: number;
}
