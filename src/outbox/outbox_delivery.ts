import type { EncodeRow, OutboxBus, OutboxRecord, OutboxRow } from "./outbox_row.ts";

/** What became of the rows of one batch. */
export interface Delivered {
  readonly published: number;
  readonly failed: number;
  /** Why rows still wait; `undefined` when none of the batch does. */
  readonly refusal: unknown;
}

/** The rows while this relay alone may publish them. */
export interface OutboxRows {
  /** The row so many places behind the oldest that waits. */
  rowBehind(skipped: number): Promise<OutboxRow | undefined>;
  /** Deletes what the bus has confirmed. */
  remove(ids: readonly bigint[]): Promise<void>;
  /** Sets a row aside for people, with the reason. */
  markFailed(row: OutboxRow, reason: string): Promise<void>;
}

interface ReadyRow {
  readonly row: OutboxRow;
  readonly orderKey: string;
  readonly record: OutboxRecord;
}

interface RefusedRow extends ReadyRow {
  readonly refusal: unknown;
}

/** Rows refused one after the other before something further behind is tried: the bus is probably away. */
const MAX_REFUSALS_BEFORE_PROBE = 3;
/** Beyond so many rows a search for one that the bus takes begins anew. */
const MAX_SKIPPED_ROWS = 65_536;
const MAX_REASON_LENGTH = 500;

/**
 * Publishes batches and finds the rows that the bus will never take.
 *
 * A row that cannot be encoded is marked at once. A row that the bus refuses is another matter: a bus that is away
 * refuses everything, and then no row may be blamed. So a refusal counts against a row only in a pass in which the
 * bus took another one, and the row is marked after several such passes. Until then it holds back what has its order
 * key, and nothing else.
 */
export class OutboxDelivery {
  readonly #bus: OutboxBus;
  readonly #encode: EncodeRow;
  readonly #maxAttempts: number;
  readonly #random: () => number;
  /** Counted refusals of rows that wait. */
  readonly #strikes = new Map<bigint, number>();
  #refusedBatches = 0;
  #fruitlessPasses = 0;
  #skippedRows = 1;

  /** @param maxAttempts refusals, each while the bus took other rows, after which a row is marked failed */
  constructor(bus: OutboxBus, encode: EncodeRow, maxAttempts: number, random: () => number = Math.random) {
    this.#bus = bus;
    this.#encode = encode;
    this.#maxAttempts = maxAttempts;
    this.#random = random;
  }

  /** Publishes the rows in their order. Rejects only when the rows themselves cannot be reached. */
  async deliver(waiting: readonly OutboxRow[], rows: OutboxRows): Promise<Delivered> {
    const ready: ReadyRow[] = [];
    for (const row of waiting) {
      const encoded = this.#encode(row);
      if (encoded.kind === "record") ready.push({ row, ...encoded });
      else await rows.markFailed(row, encoded.reason.slice(0, MAX_REASON_LENGTH));
    }
    const failed = waiting.length - ready.length;
    const refusal = ready.length === 0 ? undefined : await this.#publish(ready, rows);
    if (refusal === undefined) {
      this.#reset();
      return { published: ready.length, failed, refusal };
    }
    // Once is an outage until it is known better: a batch costs the bus least.
    if (++this.#refusedBatches === 1) return { published: 0, failed, refusal };
    const pass = await this.#publishSingly(ready, rows);
    return { published: pass.published, failed: failed + pass.failed, refusal };
  }

  #reset(): void {
    this.#strikes.clear();
    this.#refusedBatches = 0;
    this.#fruitlessPasses = 0;
    this.#skippedRows = 1;
  }

  /** What the bus said against it; `undefined` when it took all of them. */
  async #publish(ready: readonly ReadyRow[], rows: OutboxRows): Promise<unknown> {
    try {
      await this.#bus.publish(ready.map(({ record }) => record));
    } catch (error) {
      return error ?? new Error("Cannot publish: no reason was given");
    }
    await rows.remove(ready.map(({ row }) => row.id));
    return undefined;
  }

  async #publishSingly(ready: readonly ReadyRow[], rows: OutboxRows): Promise<{ published: number; failed: number }> {
    const refused: RefusedRow[] = [];
    const held = new Set<string>();
    let published = 0;
    let taken: OutboxRow | undefined;
    for (const [index, one] of ready.entries()) {
      if (held.has(one.orderKey) || one.row.id === taken?.id) continue;
      const refusal = await this.#publish([one], rows);
      if (refusal === undefined) {
        published++;
        continue;
      }
      refused.push({ ...one, refusal });
      held.add(one.orderKey);
      const isTried = refused.length >= MAX_REFUSALS_BEFORE_PROBE ||
        ready.slice(index + 1).every(({ orderKey }) => held.has(orderKey));
      if (published > 0 || !isTried) continue;
      taken = await this.#probe(rows, refused);
      if (taken === undefined) break;
      published++;
    }
    if (published === 0) {
      this.#fruitlessPasses++;
      return { published, failed: 0 };
    }
    return { published, failed: await this.#strike(refused.filter(({ row }) => row !== taken), rows) };
  }

  /**
   * Whether the bus takes anything at all, asked with one row from further behind; gives the row that it took. That
   * may be one which the refused ones hold back only after several passes, for else an application of one scope would
   * be stuck behind one row; and only when the bus answers and refuses the oldest even now, for a bus that has just
   * come back must not get the later one first.
   */
  async #probe(rows: OutboxRows, refused: readonly RefusedRow[]): Promise<OutboxRow | undefined> {
    const row = await rows.rowBehind(this.#skippedRows);
    const encoded = row === undefined ? undefined : this.#encode(row);
    const candidates: ReadyRow[] = [];
    if (row !== undefined && encoded?.kind === "record") {
      const holder = refused.find(({ orderKey }) => orderKey === encoded.orderKey);
      const isPatient = this.#fruitlessPasses < this.#maxAttempts;
      if (holder === undefined) candidates.push({ row, ...encoded });
      else if (!isPatient && await this.#bus.isReachable()) candidates.push(holder, { row, ...encoded });
    }
    for (const candidate of candidates) {
      if (await this.#publish([candidate], rows) === undefined) return candidate.row;
    }
    const isAtEnd = row === undefined || this.#skippedRows >= MAX_SKIPPED_ROWS;
    // Far in few steps, and by chance at every row: what lies there may be refused too.
    this.#skippedRows = isAtEnd ? 1 : this.#skippedRows + 1 + Math.floor(this.#random() * this.#skippedRows);
    return undefined;
  }

  /** Counts the refusals, which the bus has shown to be meant for these rows; gives how many rows are given up. */
  async #strike(refused: readonly RefusedRow[], rows: OutboxRows): Promise<number> {
    let failed = 0;
    for (const { row, refusal } of refused) {
      const strikes = (this.#strikes.get(row.id) ?? 0) + 1;
      this.#strikes.set(row.id, strikes);
      if (strikes < this.#maxAttempts) continue;
      this.#strikes.delete(row.id);
      await rows.markFailed(row, reasonOf(refusal));
      failed++;
    }
    return failed;
  }
}

function reasonOf(refusal: unknown): string {
  return (refusal instanceof Error ? refusal.message : String(refusal)).slice(0, MAX_REASON_LENGTH);
}
