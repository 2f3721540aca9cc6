import type { BusRecord, RangeEvent } from "../model/bus_record.ts";
import type { Offset } from "../model/position.ts";
import type { Frame } from "../wire/frame.ts";

/** What one source offers to those who read it again. */
export interface HistorySource {
  /** Reads `[from, to)` of one partition in order; stopping early is allowed. */
  readRange(partition: number, from: Offset, to: Offset, signal: AbortSignal): AsyncIterable<RangeEvent>;
  /** The log's present epoch and ends. */
  bounds(): Promise<HistoryBounds>;
  /** Makes frames without a cursor of records, as the live path would have: the same mapping, the same minimisation. */
  framesOf(partition: number, records: readonly BusRecord[]): readonly Frame[];
}

/** As far as a log reaches now. */
export interface HistoryBounds {
  readonly epoch: string;
  readonly partitions: ReadonlyMap<number, { readonly next: Offset }>;
}

/** A stretch of one partition as the log has it now. */
export interface Stretch {
  readonly from: Offset;
  /** What was asked for up to here is complete. */
  readonly next: Offset;
  /** In offset order, without cursor. */
  readonly frames: readonly Frame[];
  /** Set when `[from, next)` could not be read: the log no longer has it. */
  readonly gap?: Extract<RangeEvent, { kind: "gap" }>;
}

/** Limits of {@link SharedPasses}. */
export interface PassLimits {
  /** Records that one read takes from the bus at most; a client's replay is many of them. */
  readonly recordsARead: number;
  /** Milliseconds that a stretch stays for others who want it too. */
  readonly keepMs: number;
  /** Bytes of frames kept in all; the oldest stretch goes first. */
  readonly maxKeptBytes: number;
}

interface Pass {
  readonly from: Offset;
  /** Where the read ends at the latest. */
  readonly plannedNext: Offset;
  readonly stretch: Promise<Stretch>;
  done: Stretch | undefined;
  bytes: number;
  readonly startedAtMs: number;
}

/**
 * Reads the bus for replays, once for all who are near each other: whoever wants a stretch that is being read waits
 * for that read, and it stays for a few seconds for those who come just after. A reader that begins earlier reads
 * only up to where another has begun. So a crowd that comes back costs the bus one pass, not one a client.
 */
export class SharedPasses {
  readonly #source: HistorySource;
  readonly #limits: PassLimits;
  readonly #gate: ReadGate;
  readonly #now: () => number;
  readonly #passes = new Map<number, Pass[]>();
  #epoch = "";

  constructor(source: HistorySource, limits: PassLimits, gate: ReadGate, now: () => number) {
    this.#source = source;
    this.#limits = limits;
    this.#gate = gate;
    this.#now = now;
  }

  /** The log's bounds; `undefined` when it cannot be asked. Never an answer to someone else: it might be older than the question. */
  async bounds(): Promise<HistoryBounds | undefined> {
    try {
      return await this.#source.bounds();
    } catch {
      // Its owner logs that the log cannot be asked; to the caller it means that nobody knows.
      return undefined;
    }
  }

  /**
   * The next stretch from `from`, never past `to`. Rejects when the bus does; a rejected read is not kept.
   *
   * @param epoch the incarnation of the log that the offsets are of; when it is gone, the answer is a gap
   * @param signal ends the wait of this caller; the read goes on for the others
   */
  async read(epoch: string, partition: number, from: Offset, to: Offset, signal: AbortSignal): Promise<Stretch> {
    if (epoch !== this.#epoch) this.#passes.clear();
    this.#epoch = epoch;
    const passes = this.#passesOf(partition);
    const covering = passes.find((pass) => pass.from <= from && from < (pass.done?.next ?? pass.plannedNext));
    if (covering !== undefined) {
      const stretch = await abortable(covering.stretch, signal);
      // The read may have ended before what was planned, short of what is wanted here.
      if (from < stretch.next) return part(stretch, from, to);
      return await this.read(epoch, partition, from, to, signal);
    }
    const nextBegun = passes.reduce((least, pass) => pass.from > from && pass.from < least ? pass.from : least, to);
    const stretch = await abortable(this.#begin(epoch, partition, from, nextBegun, passes), signal);
    return part(stretch, from, to);
  }

  #begin(epoch: string, partition: number, from: Offset, to: Offset, passes: Pass[]): Promise<Stretch> {
    const stretch = this.#gate.run(() => this.#readEpoch(epoch, partition, from, to));
    const pass: Pass = { from, plannedNext: to, stretch, done: undefined, bytes: 0, startedAtMs: this.#now() };
    passes.push(pass);
    stretch.then((done) => {
      pass.done = done;
      pass.bytes = done.frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
      this.#forgetOverLimit();
    }, () => this.#passes.set(partition, this.#passesOf(partition).filter((kept) => kept !== pass)));
    return stretch;
  }

  /** Looked at after the read, the epoch proves that all that was read is of the log that was asked for. */
  async #readEpoch(epoch: string, partition: number, from: Offset, to: Offset): Promise<Stretch> {
    const stretch = await this.#readBus(partition, from, to);
    if ((await this.#source.bounds()).epoch === epoch) return stretch;
    return { from, next: to, frames: [], gap: { kind: "gap", partition, from, next: to, reason: "epoch", lost: null } };
  }

  async #readBus(partition: number, from: Offset, to: Offset): Promise<Stretch> {
    const frames: Frame[] = [];
    let next = from;
    let count = 0;
    // Not a client's signal: a client that goes away must not take the read from the others.
    for await (const event of this.#source.readRange(partition, from, to, READ_TO_THE_END)) {
      if (event.kind === "gap") {
        // What came before the gap is an answer of its own; the gap is met again, first, by the next read.
        return next > from ? { from, next, frames } : { from, next: event.next, frames, gap: event };
      }
      for (const frame of this.#source.framesOf(partition, event.records)) frames.push(frame);
      next = event.next;
      count += event.records.length;
      if (count >= this.#limits.recordsARead) return { from, next: next > to ? to : next, frames };
    }
    // A range ends when its end is proved reached, also where the last offsets are holes.
    return { from, next: to, frames };
  }

  #passesOf(partition: number): Pass[] {
    const oldest = this.#now() - this.#limits.keepMs;
    const passes = (this.#passes.get(partition) ?? []).filter(({ done, startedAtMs }) =>
      done === undefined || startedAtMs >= oldest
    );
    this.#passes.set(partition, passes);
    return passes;
  }

  #forgetOverLimit(): void {
    const kept = [...this.#passes.values()].flat().filter(({ done }) => done !== undefined)
      .sort((one, other) => one.startedAtMs - other.startedAtMs);
    let bytes = kept.reduce((sum, pass) => sum + pass.bytes, 0);
    for (const pass of kept) {
      if (bytes <= this.#limits.maxKeptBytes) return;
      bytes -= pass.bytes;
      for (const passes of this.#passes.values()) {
        const index = passes.indexOf(pass);
        if (index >= 0) passes.splice(index, 1);
      }
    }
  }
}

/** Lets a limited number of reads run at once, over all sources; the others wait in order. Live delivery must not starve. */
export class ReadGate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(maxConcurrentReads: number) {
    this.#free = maxConcurrentReads;
  }

  async run<Result>(read: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

const READ_TO_THE_END = new AbortController().signal;

function part(stretch: Stretch, from: Offset, to: Offset): Stretch {
  const { gap, next } = stretch;
  const end = next < to ? next : to;
  if (from === stretch.from && end === next) return stretch;
  // How many are missing in a part of a gap nobody knows.
  if (gap !== undefined) return { from, next: end, frames: [], gap: { ...gap, from, next: end, lost: null } };
  return { from, next: end, frames: stretch.frames.filter(({ offset }) => offset >= from && offset < end) };
}

function abortable<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
