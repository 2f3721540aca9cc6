import { LatencyHistogram } from "../latency_histogram.ts";

/**
 * Which events are on their way to whom: what came, what is late, what is lost, and in which order it came.
 *
 * An event is on its way from the moment that its publisher was told of it until its last reader has read it.
 */
export class Ledger {
  readonly latency = new LatencyHistogram();
  readonly deliveriesOf: Uint32Array;
  deliveries = 0;
  completed = 0;
  published = 0;
  duplicates = 0;
  outOfOrder = 0;
  outOfOrderAcrossScopes = 0;
  strays = 0;
  /** Events that were due in this time count for latency. */
  measuredFromMs = Number.POSITIVE_INFINITY;
  measuredUntilMs = Number.POSITIVE_INFINITY;
  readonly #scopesOf: readonly Int32Array[];
  readonly #lastOf: readonly Int32Array[];
  readonly #lastSeqOf: Int32Array;
  readonly #readersOf: Uint32Array;
  /** By sequence number modulo their length. */
  readonly #remaining = new Int32Array(MAX_ON_THE_WAY);
  readonly #scope = new Int32Array(MAX_ON_THE_WAY);
  readonly #dueAtMs = new Float64Array(MAX_ON_THE_WAY);

  /** @param connections the numbers of the scopes that each one reads */
  constructor(connections: readonly (readonly number[])[], scopeCount: number) {
    this.#scopesOf = connections.map((scopes) => Int32Array.from(scopes));
    this.#lastOf = connections.map((scopes) => new Int32Array(scopes.length).fill(-1));
    this.#lastSeqOf = new Int32Array(connections.length).fill(-1);
    this.deliveriesOf = new Uint32Array(connections.length);
    this.#readersOf = new Uint32Array(scopeCount);
    for (const scopes of connections) {
      for (const scope of scopes) this.#readersOf[scope] = (this.#readersOf[scope] ?? 0) + 1;
    }
  }

  get onTheWay(): number {
    return this.published - this.completed;
  }

  /** Deliveries that have not come. */
  get missing(): number {
    return this.#remaining.reduce((sum, each) => sum + each, 0);
  }

  /** Enters a new event; gives its sequence number. */
  publish(scope: number, dueAtMs: number): number {
    const seq = this.published++;
    const place = seq % MAX_ON_THE_WAY;
    const readers = this.#readersOf[scope] ?? 0;
    if ((this.#remaining[place] ?? 0) > 0) {
      throw new Error(`Cannot publish more: an event is still on its way ${MAX_ON_THE_WAY} events later`);
    }
    this.#remaining[place] = readers;
    this.#scope[place] = scope;
    this.#dueAtMs[place] = dueAtMs;
    if (readers === 0) this.completed++;
    return seq;
  }

  scopeOf(seq: number): number {
    return this.#scope[seq % MAX_ON_THE_WAY] ?? -1;
  }

  /** An event has come to a connection. */
  take(connection: number, seq: number, nowMs: number): void {
    const place = seq % MAX_ON_THE_WAY;
    if (!this.#isNext(connection, seq, this.#scope[place] ?? -1)) return;
    this.deliveries++;
    this.deliveriesOf[connection] = (this.deliveriesOf[connection] ?? 0) + 1;
    const remaining = (this.#remaining[place] ?? 0) - 1;
    this.#remaining[place] = remaining;
    if (remaining === 0) this.completed++;
    const dueAtMs = this.#dueAtMs[place] ?? 0;
    if (dueAtMs >= this.measuredFromMs && dueAtMs < this.measuredUntilMs) this.latency.add(nowMs - dueAtMs);
  }

  #isNext(connection: number, seq: number, scope: number): boolean {
    const scopes = this.#scopesOf[connection];
    const last = this.#lastOf[connection];
    const slot = scopes?.indexOf(scope) ?? -1;
    if (last === undefined || slot < 0) {
      this.strays++;
      return false;
    }
    const before = last[slot] ?? -1;
    if (seq === before) {
      this.duplicates++;
      return false;
    }
    if (seq < before) this.outOfOrder++;
    else last[slot] = seq;
    if (seq < (this.#lastSeqOf[connection] ?? -1)) this.outOfOrderAcrossScopes++;
    else this.#lastSeqOf[connection] = seq;
    return true;
  }
}

/** Some 26 s of the fastest open load; the closed ones never have more than a few hundred. */
const MAX_ON_THE_WAY = 131_072;
