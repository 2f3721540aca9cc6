/**
 * The embedded log in a file. Publishes that arrive while one commit is on its way to the disk share the next one: the
 * slower the disk, the larger the groups. A record can be read only once it is safe, so that nobody is ever sent what a
 * power failure could take back and replace by another record of the same offset.
 */
import { getLogger } from "@logtape/logtape";
import type { StatementSync } from "node:sqlite";
import type { BusRecord } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import { BusError } from "../event_bus.ts";
import { decodeHeaders, encodeHeaders } from "./header_codec.ts";
import {
  type LogRetention,
  type LogStore,
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  type PlacedRecord,
  sizeOfRecord,
  type StoreLimits,
} from "./log_store.ts";
import type { SqliteFile } from "./sqlite_file.ts";

/** A commit writes at the speed of memory; this much of it does not hold up the event loop for long. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024;
const OFFSET_BITS = 53n;

const logger = getLogger(["tidegate", "bus", "embedded"]);

interface PartitionState {
  readonly first: Offset;
  /** The offset that the next record gets. */
  readonly next: Offset;
  readonly bytes: number;
}

/** One publish that waits for its commit. */
interface Waiting {
  readonly records: readonly PlacedRecord[];
  readonly outcome: PromiseWithResolvers<readonly Offset[]>;
  offsets: readonly Offset[];
}

/** Keeps the records in a SQLite file. */
export class SqliteLog implements LogStore {
  readonly durability = "disk";
  readonly epoch: string;
  readonly partitionCount: number;
  onChange: () => void = () => {};
  readonly #file: SqliteFile;
  readonly #retention: LogRetention;
  readonly #statements: Statements;
  #partitions: readonly PartitionState[];
  /** Up to where each partition is safe on the disk, and so readable. */
  #safe: readonly Offset[];
  #waiting: Waiting[] = [];
  #committing: Promise<void> | undefined;
  #broken: string | undefined;

  /** @throws BusError when the file contradicts itself */
  constructor(file: SqliteFile, retention: LogRetention) {
    this.epoch = file.epoch;
    this.partitionCount = file.partitionCount;
    this.#file = file;
    this.#retention = retention;
    this.#statements = prepareStatements(file);
    this.#partitions = this.#attempt("open", () => this.#readPartitions());
    this.#safe = this.#partitions.map(({ next }) => next);
  }

  limits(partition: number): StoreLimits {
    const next = this.#safe[partition] ?? 0n;
    const { first } = this.#state(partition);
    return { first: first < next ? first : next, next };
  }

  read(partition: number, from: Offset, to: Offset): readonly BusRecord[] {
    return this.#attempt("read", () => {
      const records: BusRecord[] = [];
      let bytes = 0;
      for (const row of this.#statements.read.iterate(idOf(partition, from), idOf(partition, to), MAX_BATCH_RECORDS)) {
        const record = recordOfRow(row);
        if (record.offset !== from + BigInt(records.length)) break;
        records.push(record);
        bytes += sizeOfRecord(record);
        if (bytes >= MAX_BATCH_BYTES) break;
      }
      if (records.length === 0 && from < to) throw new Error(`record ${from} of partition ${partition} is missing`);
      return records;
    });
  }

  append(records: readonly PlacedRecord[]): Promise<readonly Offset[]> {
    const waiting: Waiting = { records, outcome: Promise.withResolvers(), offsets: [] };
    this.#waiting.push(waiting);
    this.#committing ??= this.#commitAll();
    return waiting.outcome.promise;
  }

  trim(): void {
    const { maxRecords, maxBytes, maxAgeMs } = this.#retention;
    const oldestMs = Date.now() - maxAgeMs;
    const isDue = this.#partitions.some(({ first, next, bytes }, partition) => {
      if (first === next) return false;
      if (next - first > maxRecords || bytes > maxBytes) return true;
      return Number(this.#statements.oldest.get(idOf(partition, first))?.["timestamp_ms"]) < oldestMs;
    });
    if (!isDue) return;
    try {
      this.#transact([]);
      this.onChange();
    } catch (error) {
      logger.warn("Cannot delete old records of {path}: {error}. They are deleted when it works again", {
        path: this.#file.path,
        error: String(error),
      });
    }
  }

  async close(): Promise<void> {
    await this.#committing;
    this.#file.close();
  }

  async #commitAll(): Promise<void> {
    // The publishes of this moment come together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const written = this.#write(this.#takeGroup());
      if (written.length > 0) await this.#makeSafe(written);
    }
    this.#committing = undefined;
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { records } of this.#waiting) {
      if (count > 0 && bytes >= MAX_GROUP_BYTES) break;
      for (const { record } of records) bytes += sizeOfRecord(record);
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** Those that are committed. When the group fails, each is tried alone: one too many must not refuse the others. */
  #write(group: readonly Waiting[]): readonly Waiting[] {
    try {
      if (this.#broken !== undefined) throw new Error(this.#broken);
      const offsets = this.#transact(group.flatMap(({ records }) => records));
      let begin = 0;
      for (const waiting of group) waiting.offsets = offsets.slice(begin, begin += waiting.records.length);
      return group;
    } catch (error) {
      const [only] = group;
      if (only === undefined || group.length > 1) return group.flatMap((waiting) => this.#write([waiting]));
      only.outcome.reject(this.#error("publish to", error));
      return [];
    }
  }

  async #makeSafe(written: readonly Waiting[]): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      // After a failed sync the system may have dropped the pages: a second one could succeed without the data.
      this.#broken = `the disk failed to keep earlier records (${error instanceof Error ? error.message : error}), ` +
        "check it and restart";
      logger.error("The embedded log {path} takes no more records: {error}", {
        path: this.#file.path,
        error: this.#broken,
      });
      for (const { outcome } of written) outcome.reject(this.#error("publish to", error, true));
      return;
    }
    this.#safe = this.#partitions.map(({ next }) => next);
    this.onChange();
    for (const { outcome, offsets } of written) outcome.resolve(offsets);
  }

  /** Appends and trims in one transaction; the state changes only when it is committed. */
  #transact(records: readonly PlacedRecord[]): readonly Offset[] {
    const { database } = this.#file;
    const partitions = [...this.#partitions];
    database.exec("BEGIN IMMEDIATE");
    try {
      const timestampMs = Date.now();
      const offsets = records.map((placed) => this.#insert(partitions, placed, timestampMs));
      for (const [partition, before] of this.#partitions.entries()) {
        const state = this.#trim(partition, partitions[partition] ?? before, timestampMs);
        partitions[partition] = state;
        if (state !== before) this.#statements.update.run(state.first, state.next, state.bytes, partition);
      }
      database.exec("COMMIT");
      this.#partitions = partitions;
      return offsets;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }

  #insert(partitions: PartitionState[], { partition, record }: PlacedRecord, timestampMs: number): Offset {
    const { first, next, bytes } = partitions[partition] ?? this.#state(partition);
    const { key, value, headers } = record;
    const size = sizeOfRecord(record);
    this.#statements.insert.run(idOf(partition, next), timestampMs, size, key, encodeHeaders(headers), value);
    partitions[partition] = { first, next: next + 1n, bytes: bytes + size };
    return next;
  }

  #trim(partition: number, state: PartitionState, nowMs: number): PartitionState {
    const { maxRecords, maxBytes, maxAgeMs } = this.#retention;
    let { first, bytes } = state;
    for (const row of this.#statements.sizes.iterate(idOf(partition, first), idOf(partition, state.next))) {
      const isKept = state.next - first <= maxRecords && bytes <= maxBytes &&
        nowMs - Number(row["timestamp_ms"]) <= maxAgeMs;
      if (isKept) break;
      first++;
      bytes -= Number(row["size"]);
    }
    if (first === state.first) return state;
    this.#statements.delete.run(idOf(partition, state.first), idOf(partition, first));
    return { first, next: state.next, bytes };
  }

  #readPartitions(): readonly PartitionState[] {
    return this.#statements.partitions.all().map((row, partition) => {
      const first = BigInt(Number(row["first"]));
      const next = BigInt(Number(row["next"]));
      const ends = this.#statements.ends.get(idOf(partition, 0n), idOf(partition + 1, 0n));
      const isWhole = first === next
        ? ends?.["lowest"] === null
        : ends?.["lowest"] === idOf(partition, first) && ends["highest"] === idOf(partition, next - 1n);
      if (!isWhole) throw new Error(`records of partition ${partition} are missing`);
      return { first, next, bytes: Number(row["bytes"]) };
    });
  }

  #state(partition: number): PartitionState {
    const state = this.#partitions[partition];
    if (state === undefined) throw new RangeError(`Partition ${partition} of ${this.partitionCount}`);
    return state;
  }

  #attempt<Result>(verb: string, action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      throw this.#error(verb, error);
    }
  }

  #error(verb: string, error: unknown, mayHaveBeenWritten = false): BusError {
    const state = error instanceof Error ? error.message : String(error);
    return new BusError(`Cannot ${verb} the embedded log ${JSON.stringify(this.#file.path)}: ${state}.`, {
      cause: error,
      mayHaveBeenWritten,
    });
  }
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements({ database }: SqliteFile) {
  const exact = (statement: StatementSync) => {
    statement.setReadBigInts(true);
    return statement;
  };
  return {
    partitions: database.prepare("SELECT first, next, bytes FROM partition ORDER BY number"),
    ends: exact(database.prepare("SELECT min(id) AS lowest, max(id) AS highest FROM record WHERE id >= ? AND id < ?")),
    insert: database.prepare("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)"),
    update: database.prepare("UPDATE partition SET first = ?, next = ?, bytes = ? WHERE number = ?"),
    oldest: database.prepare("SELECT timestamp_ms FROM record WHERE id = ?"),
    sizes: database.prepare("SELECT timestamp_ms, size FROM record WHERE id >= ? AND id < ? ORDER BY id"),
    delete: database.prepare("DELETE FROM record WHERE id >= ? AND id < ?"),
    read: exact(
      database.prepare(
        "SELECT id, timestamp_ms, key, headers, value FROM record WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
      ),
    ),
  };
}

function idOf(partition: number, offset: Offset): bigint {
  return (BigInt(partition) << OFFSET_BITS) + offset;
}

function recordOfRow(row: Record<string, unknown>): BusRecord {
  const { id, timestamp_ms: timestampMs, key, headers, value } = row;
  if (typeof id !== "bigint" || !(value instanceof Uint8Array)) throw new Error("a row is no record");
  return {
    offset: BigInt.asUintN(Number(OFFSET_BITS), id),
    timestampMs: Number(timestampMs),
    key: key instanceof Uint8Array ? key : null,
    value,
    headers: decodeHeaders(headers instanceof Uint8Array ? headers : null),
  };
}
