import { epochGaps, type Gap } from "../model/gap.ts";
import type { Offset } from "../model/position.ts";
import type { PositionVector, SourcePositions } from "../model/position_vector.ts";
import type { SSEMessage } from "../model/sse_message.ts";
import { CursorWriter } from "../wire/cursor.ts";
import { encodeFrame, encodeGaps, type Frame } from "../wire/frame.ts";
import { Deque } from "./deque.ts";
import { type JournalPage, ScopeIndex, type Selection } from "./scope_index.ts";

/*
 * This node's bounded, ordered memory of recent frames, indexed by scope.
 *
 * The journal gives all sources and partitions one order, the order in which this node read them, and with it every
 * frame the cursor that is true right behind it. For each partition it knows its *floor*: from there on every event
 * that the pipeline made is here. A cursor at or above all floors is answered from here alone.
 *
 * Everything is synchronous: between a look at the head and joining the live cohort nothing can come in between.
 */

/** How much the journal keeps; what is older goes first, whichever limit is reached first. */
export interface JournalLimits {
  /** Frames. */
  readonly maxEvents: number;
  /** Bytes of frames and what it costs to hold them. */
  readonly maxBytes: number;
  /** Milliseconds since the frame came in. */
  readonly maxAgeMs: number;
  /** Bytes of one frame without its cursor, which is another one in a replay; a larger one is withheld from everyone. */
  readonly maxFrameBytes: number;
}

/** What became of one record's messages. */
export interface Appended {
  /** Empty for a record that was seen before, and for one whose frames were all withheld. */
  readonly frames: readonly Frame[];
  /** How many messages would have made a frame over the limit. */
  readonly oversizeCount: number;
}

/** What holding a frame costs besides its bytes: the object, its places in three queues, the buffer's header. */
const FRAME_OVERHEAD_BYTES = 300;

interface Entry {
  readonly frames: readonly Frame[];
  readonly bytes: number;
  readonly atMs: number;
}

export class Journal {
  readonly #limits: JournalLimits;
  readonly #cursor: CursorWriter;
  readonly #floors: Offset[][];
  readonly #entries = new Deque<Entry>();
  readonly #index = new ScopeIndex();
  readonly #byPartition: Deque<Frame>[][];
  #frameCount = 0;
  #byteCount = 0;
  #headSeq = 0;
  #version = 0;
  #headVersion = 0;

  /** @param start where following begins in each partition: the journal is complete from there */
  constructor(limits: JournalLimits, start: PositionVector) {
    this.#limits = limits;
    this.#cursor = new CursorWriter(start.clone());
    this.#floors = start.sources.map(({ next }) => [...next]);
    this.#byPartition = start.sources.map(({ next }) => next.map(() => new Deque<Frame>()));
  }

  /** How far this node has read. Live: clone it to keep it. */
  get positions(): PositionVector {
    return this.#cursor.positions;
  }

  /** Number of the newest frame; frames appended later have a larger one. */
  get headSeq(): number {
    return this.#headSeq;
  }

  /** Changes whenever the cursor does, also on records that nobody may see. */
  get version(): number {
    return this.#version;
  }

  /** The version that the newest frame's own cursor is of. */
  get headVersion(): number {
    return this.#headVersion;
  }

  get frameCount(): number {
    return this.#frameCount;
  }

  get byteCount(): number {
    return this.#byteCount;
  }

  /** The cursor of this moment. */
  cursor(): string {
    return this.#cursor.text();
  }

  /** From which offset on a partition is complete here; `undefined` for one that is not followed. */
  floor(sourceIndex: number, partition: number): Offset | undefined {
    return this.#floors[sourceIndex]?.[partition];
  }

  /**
   * Takes what the pipeline made of one record and gives its frames, or none when the record was seen before: a bus
   * that repeats itself does not repeat it to anyone.
   *
   * @throws TypeError when a message cannot be a frame; the position is then past the record all the same
   */
  append(
    sourceIndex: number,
    partition: number,
    offset: Offset,
    messages: readonly SSEMessage[],
    nowMs: number,
  ): Appended {
    if (offset < (this.positions.next(sourceIndex, partition) ?? 0n)) return { frames: [], oversizeCount: 0 };
    this.#version++;
    const cursor = this.#cursor.pass(sourceIndex, partition, offset);
    const place = { seq: this.#nextSeq(), sourceIndex, partition, offset };
    const encoded = messages.map((message) => encodeFrame(message, cursor, place));
    const frames = encoded.filter(({ bytes, bodyStart }) => bytes.length - bodyStart <= this.#limits.maxFrameBytes);
    this.#keep(frames, nowMs);
    return { frames, oversizeCount: encoded.length - frames.length };
  }

  /** Moves on behind records that made no message. */
  advance(sourceIndex: number, partition: number, next: Offset): void {
    if (next <= (this.positions.next(sourceIndex, partition) ?? -1n)) return;
    this.#version++;
    this.#cursor.advance(sourceIndex, partition, next);
  }

  /** Takes a gap that reading a bus has met, in its place, and gives the frame that every connection must get. */
  announce(sourceIndex: number, gap: Gap, nowMs: number): Frame {
    const format = this.#source(sourceIndex).format;
    const { partition, next } = gap;
    if (next < (this.positions.next(sourceIndex, partition) ?? 0n)) this.#cutBack(sourceIndex, partition, next);
    this.advance(sourceIndex, partition, next);
    const place = { seq: this.#nextSeq(), sourceIndex, partition, offset: next - 1n };
    const frame = encodeGaps([gap], format, this.#cursor.text(), place);
    this.#keep([frame], nowMs);
    return frame;
  }

  /** A partition that was not followed before; the journal is complete from `first`. */
  addPartition(sourceIndex: number, partition: number, first: Offset): void {
    const source = this.#source(sourceIndex);
    const floors = this.#floors[sourceIndex] ?? [];
    for (let added = source.next.length; added <= partition; added++) {
      source.next[added] = added === partition ? first : 0n;
      floors[added] = source.next[added] ?? 0n;
      this.#byPartition[sourceIndex]?.push(new Deque());
    }
    this.#version++;
    this.#cursor.rebuild(sourceIndex);
  }

  /**
   * The log was created anew. What is kept of the old one stays readable to nobody: its cursors are of another epoch.
   * Gives the frame that every connection must get; it is not kept, for whoever comes later is told by its own cursor.
   */
  restart(sourceIndex: number, epoch: string, firsts: readonly Offset[]): Frame {
    const source = this.#source(sourceIndex);
    this.#evictWhile(() => true);
    source.epoch = epoch;
    source.next = [...firsts];
    this.#floors[sourceIndex] = [...firsts];
    this.#byPartition[sourceIndex] = firsts.map(() => new Deque<Frame>());
    this.#version++;
    this.#cursor.rebuild(sourceIndex);
    const place = { seq: this.#nextSeq(), sourceIndex, partition: 0, offset: (firsts[0] ?? 0n) - 1n };
    return encodeGaps(epochGaps(source), source.format, this.#cursor.text(), place);
  }

  /** Frees what has grown too old; appending does it too. */
  expire(nowMs: number): void {
    this.#evictWhile((oldest) => nowMs - oldest.atMs > this.#limits.maxAgeMs);
  }

  /** Whether {@link Journal.read} would give more than so many events in all. */
  hasMoreThan(limit: number, selection: Selection, at: PositionVector): boolean {
    return this.#index.hasMoreThan(limit, selection, at, this.#firstSeqAfter(at));
  }

  /**
   * The next selected frames behind a position that is at or above every floor. A record with several of the scopes
   * is given once.
   */
  read(selection: Selection, at: PositionVector, maxFrames: number): JournalPage {
    return this.#index.read(selection, at, this.#firstSeqAfter(at), maxFrames);
  }

  /** The log ends before what was read of it (a restored backup): offsets will be given a second time. */
  #cutBack(sourceIndex: number, partition: number, next: Offset): void {
    this.#evictWhile(() => true);
    const floors = this.#floors[sourceIndex];
    if (floors !== undefined) floors[partition] = next;
    this.#version++;
    this.#cursor.advance(sourceIndex, partition, next);
  }

  /** The smallest number that a frame behind the position can have. */
  #firstSeqAfter(at: PositionVector): number {
    let firstSeq = this.#headSeq + 1;
    for (const [sourceIndex, partitions] of this.#byPartition.entries()) {
      for (const [partition, frames] of partitions.entries()) {
        const next = at.next(sourceIndex, partition) ?? 0n;
        const first = frames.at(frames.firstWhere(({ offset }) => offset >= next));
        if (first !== undefined && first.seq < firstSeq) firstSeq = first.seq;
      }
    }
    return firstSeq;
  }

  #nextSeq(): number {
    this.#headVersion = this.#version;
    return ++this.#headSeq;
  }

  #keep(frames: readonly Frame[], nowMs: number): void {
    const [first] = frames;
    if (first === undefined) return;
    let bytes = 0;
    for (const frame of frames) {
      bytes += frame.bytes.length + FRAME_OVERHEAD_BYTES;
      this.#index.push(frame);
    }
    this.#byPartition[first.sourceIndex]?.[first.partition]?.push(first);
    this.#entries.push({ frames, bytes, atMs: nowMs });
    this.#frameCount += frames.length;
    this.#byteCount += bytes;
    const { maxEvents, maxBytes, maxAgeMs } = this.#limits;
    this.#evictWhile((oldest) =>
      this.#frameCount > maxEvents || this.#byteCount > maxBytes || nowMs - oldest.atMs > maxAgeMs
    );
  }

  #evictWhile(isTooMuch: (oldest: Entry) => boolean): void {
    for (let oldest = this.#entries.at(0); oldest !== undefined && isTooMuch(oldest); oldest = this.#entries.at(0)) {
      this.#entries.shift();
      this.#frameCount -= oldest.frames.length;
      this.#byteCount -= oldest.bytes;
      for (const frame of oldest.frames) this.#index.shift(frame);
      const [first] = oldest.frames;
      if (first === undefined) continue;
      this.#byPartition[first.sourceIndex]?.[first.partition]?.shift();
      const floors = this.#floors[first.sourceIndex];
      if (floors !== undefined) floors[first.partition] = first.offset + 1n;
    }
  }

  #source(sourceIndex: number): SourcePositions {
    const source = this.positions.sources[sourceIndex];
    if (source === undefined) {
      throw new RangeError(`Cannot use source ${sourceIndex}: the journal follows no such source`);
    }
    return source;
  }
}
