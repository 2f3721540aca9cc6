import type { OutboxRows } from "./outbox_delivery.ts";
import type { OutboxRow } from "./outbox_row.ts";
import type { Columns, PostgresSession } from "./postgres_session.ts";

/** How much of the table is taken at once. */
export interface BatchLimits {
  readonly batchSize: number;
  /** Most bytes of one batch; a single row may be larger. */
  readonly maxBatchBytes: number;
  /** Data longer than this is not read: its row can never be published. */
  readonly maxRecordBytes: number;
}

/** What waits. */
export interface OutboxLag {
  /** Counted up to {@link MAX_COUNTED_ROWS}. */
  readonly waiting: number;
  /** Since the oldest waiting row was inserted; 0 when none waits. */
  readonly oldestAgeMs: number;
}

/** What {@link OutboxTable.exclusively} came to. */
export type Exclusive<Result> = { readonly kind: "done"; readonly result: Result } | { readonly kind: "taken" };

/** Counting more than this would cost the database more than the number is worth. */
export const MAX_COUNTED_ROWS = 1_000_000;
/** While the bus is waited for, the server hears of us this often. */
const SIGN_OF_LIFE_MS = 2_000;
/** A relay that is silent for so long, frozen or cut off, loses the outbox to another one. */
const MAX_SILENCE_MS = 8_000;
/** First half of the advisory lock's key: "TIDE". */
const LOCK_CLASS = 0x54494445;

/**
 * The outbox's table, read and emptied by one relay at a time.
 *
 * Who holds the advisory lock is alone. It is held for one transaction: the batch is read, published and deleted in
 * it. So a relay that dies leaves all rows of its batch where they are, the next one starts from what is there, and
 * it works through a pooler that gives each transaction another connection, where a lock of the session would not.
 *
 * What is published is what can be seen and is not deleted yet. There is no position, so a transaction that commits
 * late is found whatever numbers its rows have.
 */
export class OutboxTable {
  readonly #session: PostgresSession;
  readonly #table: string;
  readonly #limits: BatchLimits;

  /** @param table a checked name: it becomes part of SQL */
  constructor(session: PostgresSession, table: string, limits: BatchLimits) {
    this.#session = session;
    this.#table = table;
    this.#limits = limits;
  }

  /** Costs next to nothing, unlike a lock and a transaction. */
  async hasWaiting(): Promise<boolean> {
    const [row] = await this.#session.query(
      `SELECT EXISTS (SELECT FROM ${this.#table} WHERE failed_at IS NULL) AS waits`,
    );
    return row?.waits === true;
  }

  /** Does the work while no other relay can; `taken` when another one is at it. What the work changed holds when it resolves. */
  async exclusively<Result>(work: (rows: LockedRows) => Promise<Result>): Promise<Exclusive<Result>> {
    // The lock and the rows in statements of their own: the second sees what the lock's last holder has deleted.
    await this.#session.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    const signsOfLife = setInterval(() => this.#session.query("SELECT 1").catch(() => {}), SIGN_OF_LIFE_MS);
    try {
      await this.#session.query(`SET LOCAL idle_in_transaction_session_timeout = ${MAX_SILENCE_MS}`);
      const [lock] = await this.#session.query(
        "SELECT pg_try_advisory_xact_lock($1, hashtext($2::regclass::oid::text)) AS held",
        [LOCK_CLASS, this.#table],
      );
      const outcome: Exclusive<Result> = lock?.held === true
        ? { kind: "done", result: await work(new LockedRows(this.#session, this.#table, this.#limits)) }
        : { kind: "taken" };
      await this.#session.query("COMMIT");
      return outcome;
    } catch (error) {
      await this.#session.query("ROLLBACK").catch(() => {});
      throw error;
    } finally {
      clearInterval(signsOfLife);
    }
  }

  async lag(): Promise<OutboxLag> {
    const [row] = await this.#session.query(`
      SELECT (SELECT count(*) FROM (SELECT FROM ${this.#table} WHERE failed_at IS NULL LIMIT ${MAX_COUNTED_ROWS}) AS w)::int
               AS waiting,
             (SELECT (extract(epoch FROM clock_timestamp() - created_at) * 1000)::float8
                FROM ${this.#table} WHERE failed_at IS NULL ORDER BY id LIMIT 1) AS age`);
    return { waiting: numberOf(row?.waiting), oldestAgeMs: Math.max(0, numberOf(row?.age)) };
  }

  /** Deletes rows that were set aside longer ago than that, as many as one batch; gives how many. */
  async deleteFailed(olderThanMs: number): Promise<number> {
    const deleted = await this.#session.query(
      `DELETE FROM ${this.#table} WHERE id IN (
         SELECT id FROM ${this.#table} WHERE failed_at < clock_timestamp() - $1::float8 * interval '1 ms'
         ORDER BY failed_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1 AS one`,
      [olderThanMs, this.#limits.batchSize],
    );
    return deleted.length;
  }
}

/** The rows under the lock. */
export class LockedRows implements OutboxRows {
  readonly #session: PostgresSession;
  readonly #table: string;
  readonly #limits: BatchLimits;

  constructor(session: PostgresSession, table: string, limits: BatchLimits) {
    this.#session = session;
    this.#table = table;
    this.#limits = limits;
  }

  /** The oldest rows that wait, at least one if any does, within the limits. */
  async oldest(): Promise<readonly OutboxRow[]> {
    return await this.#read(this.#limits.batchSize, 0);
  }

  async rowBehind(skipped: number): Promise<OutboxRow | undefined> {
    const [row] = await this.#read(1, skipped);
    return row;
  }

  async remove(ids: readonly bigint[]): Promise<void> {
    await this.#session.query(`DELETE FROM ${this.#table} WHERE id = ANY($1::bigint[])`, [ids.map(String)]);
  }

  async markFailed({ id }: OutboxRow, reason: string): Promise<void> {
    await this.#session.query(
      `UPDATE ${this.#table} SET failed_at = clock_timestamp(), failure = $2 WHERE id = $1`,
      [String(id), reason],
    );
  }

  async #read(count: number, skipped: number): Promise<readonly OutboxRow[]> {
    const { maxRecordBytes, maxBatchBytes } = this.#limits;
    const rows = await this.#session.query(
      `SELECT id::text, record_id::text AS record_id, event, scopes, audience, bytes::float8, priority, conflation_key,
              version, time, CASE WHEN bytes <= $3 THEN text END AS data
         FROM (SELECT *, sum(least(bytes, $3)) OVER (ORDER BY id) - least(bytes, $3) AS bytes_before
                 FROM (SELECT *, data::text AS text, coalesce(octet_length(data::text), 0)::bigint AS bytes,
                              to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time
                         FROM ${this.#table} WHERE failed_at IS NULL ORDER BY id LIMIT $1 OFFSET $2) AS oldest) AS measured
        WHERE bytes_before < $4 ORDER BY measured.id`,
      [count, skipped, maxRecordBytes, maxBatchBytes],
    );
    return rows.map(rowOf);
  }
}

function rowOf(columns: Columns): OutboxRow {
  return {
    id: BigInt(textOf(columns.id) ?? "0"),
    recordID: textOf(columns.record_id) ?? "",
    event: textOf(columns.event) ?? "",
    scopes: Array.isArray(columns.scopes) ? columns.scopes : [],
    audience: Array.isArray(columns.audience) ? columns.audience : [],
    data: textOf(columns.data),
    dataBytes: numberOf(columns.bytes),
    priority: textOf(columns.priority) ?? "",
    conflationKey: textOf(columns.conflation_key),
    version: numberOf(columns.version),
    time: textOf(columns.time),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
