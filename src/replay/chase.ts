import type { Offset } from "../model/position.ts";

/**
 * How far a climb reads each partition's past.
 *
 * Up to the journal's floor, at first. But the floor moves on while other partitions are read: where the journal is short
 * for the traffic, each read would leave another partition behind the floor, for ever. So a partition that was outrun
 * is read beyond the floor, by twice of what it was outrun by, and by twice as much each time it happens again.
 */
export class Chase {
  readonly #aims = new Map<string, { readonly to: Offset; readonly outrun: bigint }>();

  /** The end of the next read from `next`, which is below the floor; never beyond the head. */
  aim(sourceIndex: number, partition: number, next: Offset, floor: Offset, head: Offset): Offset {
    const key = `${sourceIndex}/${partition}`;
    const last = this.#aims.get(key);
    const isOutrun = last !== undefined && next >= last.to;
    const outrun = (last?.outrun ?? 0n) + (isOutrun ? 1n : 0n);
    const wanted = isOutrun ? floor + ((floor - next) << outrun) : floor;
    const to = wanted < head ? wanted : head;
    this.#aims.set(key, { to, outrun });
    return to;
  }
}
