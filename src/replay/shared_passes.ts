import type { RangeEvent } from "../model/bus_record.ts";
import type { Offset } from "../model/position.ts";
import type { Scope } from "../model/scope.ts";
import type { Frame } from "../wire/frame.ts";

/** Bytes of frames after which a read ends, before it has as many records as it may: what is kept must have room for many reads. */
export const BYTES_A_READ = 4 * 1024 * 1024;

/** A place that a source's past can be read from. What it answers is complete, or says that it is not. */
export interface StretchSource {
  /**
   * The next stretch from `from`, never past `to`; it may end before, not at `from`.
   *
   * @param epoch the incarnation of the log that the offsets are of; when it is gone, the answer is a gap
   */
  read(epoch: string, partition: number, from: Offset, to: Offset): Promise<Stretch>;
}

/** A stretch of one partition as the log has it now. */
export interface Stretch {
  readonly from: Offset;
  /** What was asked for up to here is complete. */
  readonly next: Offset;
  /** In offset order, without cursor. */
  readonly frames: readonly Frame[];
  /** When its records were made, as far as that is known. */
  readonly times: readonly RecordTime[];
  /** Set when `[from, next)` cannot be proved complete: it is no longer there, or never was. */
  readonly gap?: Extract<RangeEvent, { kind: "gap" }>;
}

/** When a record was made, or the first of several that end with `offset`; in offset order. */
export interface RecordTime {
  readonly offset: Offset;
  /** Milliseconds since 1970, as the record says; of a history's record, when it was taken in. */
  readonly atMs: number;
}

/** What of a partition's past somebody wants. */
export interface StretchWish {
  /** The incarnation of the log that the offsets are of; when it is gone, the answer is a gap. */
  readonly epoch: string;
  readonly partition: number;
  readonly from: Offset;
  readonly to: Offset;
  /** As far as there is anything to read; not before `to`. */
  readonly head: Offset;
}

/** Limits of {@link SharedPasses}. */
export interface PassLimits {
  /**
   * Offsets that a read spans at least, where the head is not nearer. A crowd reads up to the floor of a journal, and that of a full
   * one moves with each event: read by read the few records in between would cost more than all before them.
   */
  readonly minOffsets: bigint;
  /** Milliseconds that a stretch stays after its last use for others who want it too. */
  readonly keepMs: number;
  /** Bytes of frames kept in all; what was not used for longest goes first. */
  readonly maxKeptBytes: number;
}

/** A stretch as one of a crowd is given it. */
export interface SharedStretch extends Omit<Stretch, "frames" | "times"> {
  /** Milliseconds since 1970 of its first record, where that is known. */
  readonly sinceMs: number | undefined;
  /** The frames of these scopes in offset order, a record's in the order of the scopes; to be asked when they are handed out. */
  framesOf(scopes: readonly Scope[]): readonly Frame[];
}

/** Frames by their scope: a crowd has many readers, and each wants a few of them. */
interface SortedStretch extends Stretch {
  readonly byScope: ReadonlyMap<Scope | null, readonly Frame[]>;
}

interface Pass {
  readonly from: Offset;
  /** Where the read ends at the latest. */
  readonly plannedNext: Offset;
  readonly stretch: Promise<SortedStretch>;
  done: SortedStretch | undefined;
  bytes: number;
  usedAtMs: number;
}

/**
 * Reads a source's past for replays, once for all who are near each other: whoever wants a stretch that is being read waits
 * for that read, and it stays until nobody has wanted it for some seconds. A reader that begins earlier reads
 * only up to where another has begun. So a crowd that comes back costs one pass, not one a client.
 */
export class SharedPasses {
  readonly #source: StretchSource;
  readonly #limits: PassLimits;
  readonly #gate: ReadGate;
  readonly #now: () => number;
  readonly #passes = new Map<number, Pass[]>();
  #epoch = "";

  constructor(source: StretchSource, limits: PassLimits, gate: ReadGate, now: () => number) {
    this.#source = source;
    this.#limits = limits;
    this.#gate = gate;
    this.#now = now;
  }

  /**
   * The next stretch from `from`, never past `to`. Rejects when the source does; a rejected read is not kept.
   *
   * @param signal ends the wait of this caller; the read goes on for the others
   */
  async read(wish: StretchWish, signal: AbortSignal): Promise<SharedStretch> {
    const { epoch, partition, from, to } = wish;
    if (epoch !== this.#epoch) this.#passes.clear();
    this.#epoch = epoch;
    const passes = this.#passesOf(partition);
    const covering = passes.find((pass) => pass.from <= from && from < (pass.done?.next ?? pass.plannedNext));
    if (covering !== undefined) {
      // A gap may be filled meanwhile: it is not kept longer for being asked for.
      if (covering.done?.gap === undefined) covering.usedAtMs = this.#now();
      const stretch = await abortable(covering.stretch, signal);
      // The read may have ended before what was planned, short of what is wanted here.
      if (from < stretch.next) return part(stretch, from, to);
      return await this.read(wish, signal);
    }
    const end = this.#endOfRead(wish);
    const nextBegun = passes.reduce((least, pass) => pass.from > from && pass.from < least ? pass.from : least, end);
    const stretch = await abortable(this.#begin(epoch, partition, from, nextBegun, passes), signal);
    return part(stretch, from, to);
  }

  /** What was read of a partition is not true any more: its log has given offsets a second time. */
  forget(partition: number): void {
    this.#passes.delete(partition);
  }

  #begin(epoch: string, partition: number, from: Offset, to: Offset, passes: Pass[]): Promise<SortedStretch> {
    const stretch = this.#gate.run(async () => sorted(await this.#source.read(epoch, partition, from, to)));
    const pass: Pass = { from, plannedNext: to, stretch, done: undefined, bytes: 0, usedAtMs: this.#now() };
    passes.push(pass);
    stretch.then((done) => {
      pass.done = done;
      pass.bytes = done.frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
      this.#forgetOverLimit();
    }, () => this.#passes.set(partition, this.#passesOf(partition).filter((kept) => kept !== pass)));
    return stretch;
  }

  #endOfRead({ from, to, head }: StretchWish): Offset {
    const atLeast = from + this.#limits.minOffsets;
    const ahead = atLeast < head ? atLeast : head;
    return ahead > to ? ahead : to;
  }

  #passesOf(partition: number): Pass[] {
    const oldest = this.#now() - this.#limits.keepMs;
    const passes = (this.#passes.get(partition) ?? []).filter(({ done, usedAtMs }) =>
      done === undefined || usedAtMs >= oldest
    );
    this.#passes.set(partition, passes);
    return passes;
  }

  #forgetOverLimit(): void {
    const kept = [...this.#passes.values()].flat().filter(({ done }) => done !== undefined)
      .sort((one, other) => one.usedAtMs - other.usedAtMs);
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

function sorted(stretch: Stretch): SortedStretch {
  return { ...stretch, byScope: Map.groupBy(stretch.frames, ({ scope }) => scope) };
}

function part(stretch: SortedStretch, from: Offset, to: Offset): SharedStretch {
  const { gap, next, times } = stretch;
  const end = next < to ? next : to;
  // How many are missing in a part of a gap nobody knows.
  const lost = from === stretch.from && end === next ? gap?.lost ?? null : null;
  const sinceMs = times.find(({ offset }) => offset >= from)?.atMs;
  if (gap !== undefined) {
    return { from, next: end, sinceMs, framesOf: () => [], gap: { ...gap, from, next: end, lost } };
  }
  const framesOf = (scopes: readonly Scope[]) => {
    const frames = scopes.flatMap((scope) => stretch.byScope.get(scope) ?? [])
      .filter(({ offset }) => offset >= from && offset < end);
    return scopes.length === 1 ? frames : frames.sort((one, other) => Number(one.offset - other.offset));
  };
  return { from, next: end, sinceMs, framesOf };
}

function abortable<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
