import type { PositionVector } from "../model/position_vector.ts";
import type { Scope } from "../model/scope.ts";
import { type Frame, restOfGap } from "../wire/frame.ts";
import { onePerRecord } from "../wire/one_per_record.ts";
import { Deque } from "./deque.ts";

/** Which frames a reader wants. */
export interface Selection {
  /** In the order in which they were asked for. */
  readonly scopes: readonly Scope[];
  /** Event filter and permission, for frames of these scopes. */
  accepts(frame: Frame): boolean;
}

/** A page of a journal read, in journal order. */
export interface JournalPage {
  readonly frames: readonly Frame[];
  /** True when nothing is left: the reader may join the live cohort in this very turn. */
  readonly isHead: boolean;
}

/** The journal's frames by their scope: what a reader of some scopes looks through instead of all. */
export class ScopeIndex {
  /** Each in journal order. A frame without a scope is for everybody. */
  readonly #byScope = new Map<Scope | null, Deque<Frame>>();

  /** Takes the newest frame. */
  push(frame: Frame): void {
    const frames = this.#byScope.get(frame.scope) ?? new Deque<Frame>();
    if (frames.length === 0) this.#byScope.set(frame.scope, frames);
    frames.push(frame);
  }

  /** Lets go of a frame that is the oldest of its scope. */
  shift(frame: Frame): void {
    const frames = this.#byScope.get(frame.scope);
    frames?.shift();
    if (frames?.length === 0) this.#byScope.delete(frame.scope);
  }

  /**
   * Whether {@link ScopeIndex.read} would give more than so many events in all.
   *
   * @param firstSeq the smallest number that a frame ahead of `at` can have; what is behind it is not looked at
   */
  hasMoreThan(limit: number, selection: Selection, at: PositionVector, firstSeq: number): boolean {
    const runs = selection.scopes.flatMap((scope) => {
      const frames = this.#byScope.get(scope);
      return frames === undefined ? [] : { frames, start: frames.firstWhere(({ seq }) => seq >= firstSeq) };
    });
    // The lengths are quick to add, but count what the event filter leaves out, and twice a record in two scopes.
    if (runs.reduce((sum, { frames, start }) => sum + frames.length - start, 0) <= limit) return false;
    const wanted = new Set<number>();
    for (const { frames, start } of runs) {
      for (let index = start, frame = frames.at(index); frame !== undefined; frame = frames.at(++index)) {
        if (isAhead(at, frame) && selection.accepts(frame)) wanted.add(frame.seq);
        if (wanted.size > limit) return true;
      }
    }
    return false;
  }

  /**
   * The next selected frames ahead of a position, and those for everybody, a record's once; a gap that the position is in
   * begins there. `firstSeq` as above.
   */
  read(selection: Selection, at: PositionVector, firstSeq: number, maxFrames: number): JournalPage {
    const found: Frame[] = [];
    for (const scope of [null, ...selection.scopes]) {
      const frames = this.#byScope.get(scope);
      if (frames === undefined) continue;
      let taken = 0;
      for (let index = frames.firstWhere(({ seq }) => seq >= firstSeq); taken <= maxFrames; index++) {
        const frame = frames.at(index);
        if (frame === undefined) break;
        if (!isAhead(at, frame) || (scope !== null && !selection.accepts(frame))) continue;
        found.push(scope === null ? restOfGap(frame, at) : frame);
        taken++;
      }
    }
    const ordered = onePerRecord(found.sort((one, other) => one.seq - other.seq), selection.scopes);
    return { frames: ordered.slice(0, maxFrames), isHead: ordered.length <= maxFrames };
  }
}

function isAhead(at: PositionVector, { sourceIndex, partition, offset }: Frame): boolean {
  return offset >= (at.next(sourceIndex, partition) ?? 0n);
}
