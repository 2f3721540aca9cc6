import type { Offset, OffsetFormat } from "./position.ts";

/** One source's part of a {@link PositionVector}. */
export interface SourcePositions {
  readonly source: string;
  readonly format: OffsetFormat;
  /** Identity of the log's incarnation; offsets of another epoch mean nothing. */
  epoch: string;
  /** By partition number: the first offset not yet taken. */
  next: Offset[];
}

/**
 * How far something has come in every partition of every source: the gateway's own reading, a client's cursor, a
 * replay. Sources keep their index for the life of the process.
 */
export class PositionVector {
  readonly sources: readonly SourcePositions[];

  constructor(sources: readonly SourcePositions[]) {
    this.sources = sources;
  }

  clone(): PositionVector {
    return new PositionVector(this.sources.map((source) => ({ ...source, next: [...source.next] })));
  }

  /** The first offset not yet taken; `undefined` for a partition that is not known here. */
  next(sourceIndex: number, partition: number): Offset | undefined {
    return this.sources[sourceIndex]?.next[partition];
  }

  set(sourceIndex: number, partition: number, next: Offset): void {
    const source = this.sources[sourceIndex];
    if (source === undefined) throw new RangeError(`Cannot set a position: there is no source ${sourceIndex}`);
    // Of partitions below it that were not known either nothing was taken: a list with holes could not be written as text.
    while (source.next.length < partition) source.next.push(0n);
    source.next[partition] = next;
  }

  /** Whether this is at or past the other in every partition. A partition unknown here counts as not reached. */
  reaches(other: PositionVector): boolean {
    return other.sources.every((theirs, index) => {
      const ours = this.sources[index];
      return theirs.next.every((next, partition) => (ours?.next[partition] ?? -1n) >= next);
    });
  }

  /** Takes the later position of the two, partition by partition. */
  raiseTo(other: PositionVector): void {
    for (const [index, theirs] of other.sources.entries()) {
      const ours = this.sources[index];
      if (ours === undefined) continue;
      for (const [partition, next] of theirs.next.entries()) {
        if (next > (ours.next[partition] ?? -1n)) ours.next[partition] = next;
      }
    }
  }
}
