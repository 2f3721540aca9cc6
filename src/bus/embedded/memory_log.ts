import type { BusRecord } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import {
  type LogRetention,
  type LogStore,
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  type PlacedRecord,
  sizeOfRecord,
  type StoreLimits,
} from "./log_store.ts";

/** Trimmed slots at the front of a partition's array are given back when there are this many, and more than half of it. */
const MIN_SLOTS_TO_COMPACT = 1_024;

/** Shared by all records without headers: a map for each would be a tenth of what a small record costs. */
const NO_HEADERS: ReadonlyMap<string, Uint8Array> = new Map();

/** Keeps the records in this process: a new log, and so a new epoch, with every start. */
export class MemoryLog implements LogStore {
  readonly durability = "memory";
  readonly epoch = crypto.randomUUID();
  readonly partitionCount: number;
  onChange: () => void = () => {};
  readonly #partitions: readonly MemoryPartition[];

  constructor(partitionCount: number, retention: LogRetention) {
    this.partitionCount = partitionCount;
    this.#partitions = Array.from({ length: partitionCount }, () => new MemoryPartition(retention));
  }

  limits(partition: number): StoreLimits {
    return this.#partition(partition).limits();
  }

  read(partition: number, from: Offset, to: Offset): readonly BusRecord[] {
    return this.#partition(partition).read(from, to);
  }

  append(records: readonly PlacedRecord[]): Promise<readonly Offset[]> {
    const timestampMs = Date.now();
    const offsets = records.map((placed) => this.#partition(placed.partition).append(placed, timestampMs));
    for (const partition of this.#partitions) partition.trim(timestampMs);
    this.onChange();
    return Promise.resolve(offsets);
  }

  trim(): void {
    const nowMs = Date.now();
    let trimmed = false;
    for (const partition of this.#partitions) trimmed = partition.trim(nowMs) || trimmed;
    if (trimmed) this.onChange();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #partition(number: number): MemoryPartition {
    const partition = this.#partitions[number];
    if (partition === undefined) throw new RangeError(`Partition ${number} of ${this.partitionCount}`);
    return partition;
  }
}

class MemoryPartition {
  readonly #retention: LogRetention;
  /** Slots before `#head` are trimmed; the slot of offset n is `#head + (n - #first)`. */
  #slots: (BusRecord | undefined)[] = [];
  #head = 0;
  #first: Offset = 0n;
  #bytes = 0;

  constructor(retention: LogRetention) {
    this.#retention = retention;
  }

  limits(): StoreLimits {
    return { first: this.#first, next: this.#first + BigInt(this.#slots.length - this.#head) };
  }

  read(from: Offset, to: Offset): readonly BusRecord[] {
    const records: BusRecord[] = [];
    let bytes = 0;
    let slot = this.#head + Number(from - this.#first);
    const end = Math.min(slot + Number(to - from), slot + MAX_BATCH_RECORDS, this.#slots.length);
    for (; slot < end && bytes < MAX_BATCH_BYTES; slot++) {
      const record = this.#slots[slot];
      if (record === undefined) break;
      records.push(record);
      bytes += sizeOfRecord(record);
    }
    return records;
  }

  /** Copies: the publisher may use its buffers again. */
  append({ record }: PlacedRecord, timestampMs: number): Offset {
    const offset = this.limits().next;
    this.#slots.push({
      offset,
      timestampMs,
      key: record.key?.slice() ?? null,
      value: record.value.slice(),
      headers: record.headers === undefined || record.headers.size === 0
        ? NO_HEADERS
        : new Map([...record.headers].map(([name, value]) => [name, value.slice()])),
    });
    this.#bytes += sizeOfRecord(record);
    return offset;
  }

  /** Whether anything had to go. */
  trim(nowMs: number): boolean {
    const { maxRecords, maxBytes, maxAgeMs } = this.#retention;
    const headBefore = this.#head;
    for (;;) {
      const oldest = this.#slots[this.#head];
      if (oldest === undefined) break;
      const keep = this.#slots.length - this.#head <= maxRecords && this.#bytes <= maxBytes &&
        nowMs - oldest.timestampMs <= maxAgeMs;
      if (keep) break;
      this.#bytes -= sizeOfRecord(oldest);
      this.#slots[this.#head] = undefined;
      this.#head++;
      this.#first++;
    }
    const trimmed = this.#head > headBefore;
    if (this.#head >= MIN_SLOTS_TO_COMPACT && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    return trimmed;
  }
}
