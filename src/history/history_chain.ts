import type { Offset } from "../model/position.ts";
import type { Frame } from "../wire/frame.ts";
import type { HistoryEntry } from "./history_store.ts";

/** Where a chain's entries go. */
export interface ChainSink {
  /** @param bytes of the entry's frames */
  keep(key: string, entry: HistoryEntry, bytes: number): void;
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

/** Offsets of one run at most, as a power of two: an entry for each record cost more than all the rest of ingest. */
const RUN_OFFSET_BITS = 8n;
/** Records of one run are of one such part of a second, by their own time: what is rare is not kept waiting for company. */
const RUN_WINDOW_MS = 100;
/** Bytes of one run's blocks; a single record's may be more. */
const MAX_RUN_BYTES = 128 * 1024;
/** How long a run stays open for the record that would end it, in milliseconds. */
export const LINGER_MS = 250;

/** The first offset of the run that an offset is of. A node that begins there makes the same entries as all others. */
export function runStart(offset: Offset): Offset {
  return offset >> RUN_OFFSET_BITS << RUN_OFFSET_BITS;
}

/** Records that are to be one entry. */
interface Run {
  readonly startedAtMs: number;
  readonly window: number;
  /** The first offset that is not of it. */
  readonly end: Offset;
  last: Offset;
  bytes: number;
  readonly frames: Frame[];
}

/** How far one partition has come. */
interface Partition {
  readonly key: string;
  /** Where the last entry ended. */
  chained: Offset;
  /** Everything before it was taken. */
  covered: Offset;
  run: Run | undefined;
}

/**
 * What ingest has made of one source, as entries of which each proves that nothing is missing in it and before it: `from` is
 * where the entry before ended, and what the log has in between is for nobody. Any number of nodes make entries of the same
 * log, and each is true by itself.
 *
 * An entry is a run of records. Where one ends follows from the records alone, never from how they came in: so all nodes
 * make the same entries, and the store keeps each once. Only what lingers is ended by the clock.
 *
 * Everything is synchronous and takes constant time: live delivery does not wait for the history.
 */
export class HistoryChain {
  readonly #sink: ChainSink;
  readonly #keyOf: (epoch: string, partition: number) => string;
  readonly #now: () => number;
  readonly #partitions: Partition[];
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

  /**
   * Takes a record's frames; a record that was taken before is passed over.
   *
   * @param timestampMs the record's own: milliseconds since 1970
   */
  append(partition: number, offset: Offset, timestampMs: number, frames: readonly Frame[]): void {
    const at = this.#partitions[partition];
    if (at === undefined || offset < at.covered) return;
    at.covered = offset + 1n;
    if (frames.length === 0) return;
    const bytes = bytesOf(frames);
    const window = Math.floor(timestampMs / RUN_WINDOW_MS);
    const open = at.run;
    if (open !== undefined && (offset >= open.end || window !== open.window || open.bytes + bytes > MAX_RUN_BYTES)) {
      this.#keepRun(at);
    }
    const run = at.run ??= this.#openRun(offset, window);
    run.last = offset;
    run.bytes += bytes;
    for (const frame of frames) run.frames.push(frame);
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
    this.#keepRun(at);
    if (next < at.covered) this.#sink.void(at.key);
    at.chained = next;
    at.covered = next;
  }

  addPartition(partition: number, first: Offset): void {
    this.#partitions[partition] = this.#begin(partition, first);
  }

  restart({ epoch, next, ends }: ChainStart): void {
    this.keepRuns(0);
    this.#epoch = epoch;
    this.#ends = ends;
    this.#partitions.splice(0, Number.POSITIVE_INFINITY, ...next.map((first, index) => this.#begin(index, first)));
  }

  /** Ends the runs that have been open for so long, in milliseconds. */
  keepRuns(lingeredMs: number): void {
    const startedBeforeMs = this.#now() - lingeredMs;
    for (const at of this.#partitions) {
      if (at.run !== undefined && at.run.startedAtMs <= startedBeforeMs) this.#keepRun(at);
    }
  }

  /** Makes an entry without frames where records that nobody may see have gone by since the last one. */
  cover(): void {
    for (const at of this.#partitions) {
      if (at.run !== undefined || at.covered <= at.chained) continue;
      this.#sink.keep(at.key, { offset: at.covered - 1n, from: at.chained, atMs: this.#now(), frames: [] }, 0);
      at.chained = at.covered;
    }
  }

  #begin(partition: number, next: Offset): Partition {
    return { key: this.#keyOf(this.#epoch, partition), chained: next, covered: next, run: undefined };
  }

  #openRun(offset: Offset, window: number): Run {
    const end = runStart(offset) + (1n << RUN_OFFSET_BITS);
    return { startedAtMs: this.#now(), window, end, last: offset, bytes: 0, frames: [] };
  }

  #keepRun(at: Partition): void {
    const { run } = at;
    if (run === undefined) return;
    const { last: offset, startedAtMs: atMs, frames, bytes } = run;
    this.#sink.keep(at.key, { offset, from: at.chained, atMs, frames }, bytes);
    at.chained = run.last + 1n;
    at.run = undefined;
  }
}

function bytesOf(frames: readonly Frame[]): number {
  let sum = 0;
  // Without the id line: its cursor is this node's own, and all nodes shall end a run at the same record.
  for (const { bytes, bodyStart } of frames) sum += bytes.length - bodyStart;
  return sum;
}
