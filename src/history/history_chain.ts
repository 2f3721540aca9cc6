import type { Offset } from "../model/position.ts";
import type { Frame } from "../wire/frame.ts";
import type { HistoryEntry } from "./history_store.ts";

/** Where a chain's entries go. */
export interface ChainSink {
  keep(key: string, entry: HistoryEntry): void;
  /** What was kept under the key is void: its offsets are given a second time. */
  void(key: string): void;
}

/** Where following a source began. */
export interface ChainStart {
  readonly epoch: string;
  /** By partition number. */
  readonly next: readonly Offset[];
  /** Where the log ended, by partition number, and when it was asked (milliseconds since 1970); not known of one created anew. */
  readonly ends?: { readonly next: readonly Offset[]; readonly askedAtMs: number };
}

/** By how much the clocks of two nodes may differ. */
const MAX_CLOCK_SKEW_MS = 10_000;

/**
 * What ingest has made of one source, as entries of which each proves that nothing is missing before it: `from` is where the
 * entry before ended, and what the log has in between is for nobody. Any number of nodes make entries of the same log;
 * theirs differ in `from` alone, and each is true by itself.
 *
 * Everything is synchronous and takes constant time: live delivery does not wait for the history.
 */
export class HistoryChain {
  readonly #sink: ChainSink;
  readonly #keyOf: (epoch: string, partition: number) => string;
  readonly #now: () => number;
  readonly #partitions: { key: string; chained: Offset; covered: Offset }[];
  #epoch: string;
  #ends: ChainStart["ends"];

  /** @param now milliseconds since 1970 */
  constructor(
    sink: ChainSink,
    keyOf: (epoch: string, partition: number) => string,
    start: ChainStart,
    now: () => number,
  ) {
    this.#sink = sink;
    this.#keyOf = keyOf;
    this.#now = now;
    this.#epoch = start.epoch;
    this.#ends = start.ends;
    this.#partitions = start.next.map((next, partition) => this.#begin(partition, next));
  }

  /** The key of each partition's log now. */
  get keys(): readonly string[] {
    return this.#partitions.map(({ key }) => key);
  }

  /**
   * Whether an entry cannot be of this log, although its epoch is the same: it was taken in before the log was asked for its
   * end, and stands behind that end. The log has lost its tail (a restored backup), and its offsets are given anew.
   */
  isBeyond(key: string, { offset, atMs }: HistoryEntry): boolean {
    if (this.#ends === undefined || atMs > this.#ends.askedAtMs - MAX_CLOCK_SKEW_MS) return false;
    const end = this.#ends.next[this.keys.indexOf(key)];
    return end !== undefined && offset >= end;
  }

  /** Takes a record's frames; a record that was taken before is passed over. */
  append(partition: number, offset: Offset, frames: readonly Frame[]): void {
    const at = this.#partitions[partition];
    if (at === undefined || offset < at.covered) return;
    at.covered = offset + 1n;
    if (frames.length === 0) return;
    this.#sink.keep(at.key, { offset, from: at.chained, atMs: this.#now(), frames });
    at.chained = at.covered;
  }

  /** Everything before `next` was taken. */
  advance(partition: number, next: Offset): void {
    const at = this.#partitions[partition];
    if (at !== undefined && next > at.covered) at.covered = next;
  }

  /** A gap up to `next`: what was in it nobody knows, and what follows proves nothing of it. */
  skip(partition: number, next: Offset): void {
    const at = this.#partitions[partition];
    if (at === undefined) return;
    if (next < at.covered) this.#sink.void(at.key);
    at.chained = next;
    at.covered = next;
  }

  addPartition(partition: number, first: Offset): void {
    this.#partitions[partition] = this.#begin(partition, first);
  }

  restart({ epoch, next, ends }: ChainStart): void {
    this.#epoch = epoch;
    this.#ends = ends;
    this.#partitions.splice(0, Number.POSITIVE_INFINITY, ...next.map((first, index) => this.#begin(index, first)));
  }

  /** Makes an entry without frames where records that nobody may see have gone by since the last one. */
  cover(): void {
    for (const at of this.#partitions) {
      if (at.covered <= at.chained) continue;
      this.#sink.keep(at.key, { offset: at.covered - 1n, from: at.chained, atMs: this.#now(), frames: [] });
      at.chained = at.covered;
    }
  }

  #begin(partition: number, next: Offset): { key: string; chained: Offset; covered: Offset } {
    return { key: this.#keyOf(this.#epoch, partition), chained: next, covered: next };
  }
}
