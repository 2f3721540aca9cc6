import type { Offset } from "../model/position.ts";
import { BYTES_A_READ, type RecordTime, type Stretch, type StretchSource } from "../replay/shared_passes.ts";
import { TimeSlice } from "../replay/time_slice.ts";
import type { Frame } from "../wire/frame.ts";
import type { HistoryHealth } from "./history_health.ts";
import { type HistoryStore, StoreFailure } from "./history_store.ts";

/** Frames of one read, about: as much as a shared read of a bus. */
const FRAMES_A_READ = 1_000;

/** What reading one source's history works with. */
export interface StretchesInit {
  readonly store: HistoryStore;
  readonly health: HistoryHealth;
  readonly sourceIndex: number;
  readonly keyOf: (epoch: string, partition: number) => string;
  /** Whether the key's log must not be read: it still holds what is void. */
  readonly isVoid: (key: string) => boolean;
}

/**
 * Stretches of a history, entry by entry. One is proved complete only as far as each entry begins at or before the place
 * where the one before it ended: whatever was trimmed, evicted, deleted, dropped, or lost with the tail of a file shows as an
 * entry that begins later, or as no entry at all. That is a gap here, and the next rung's.
 */
export class HistoryStretches implements StretchSource {
  readonly #init: StretchesInit;

  constructor(init: StretchesInit) {
    this.#init = init;
  }

  async read(epoch: string, partition: number, from: Offset, to: Offset): Promise<Stretch> {
    const { health } = this.#init;
    // A crowd must not wait for a time-out each: whoever writes asks until the store answers again.
    if (health.isDown) throw new StoreFailure("down", "it did not answer");
    try {
      const stretch = await this.#walk(epoch, partition, from, to);
      health.read();
      return stretch;
    } catch (error) {
      health.failed("read", error);
      throw error;
    }
  }

  async #walk(epoch: string, partition: number, from: Offset, to: Offset): Promise<Stretch> {
    const { store, keyOf, isVoid } = this.#init;
    const key = keyOf(epoch, partition);
    const frames: Frame[] = [];
    const times: RecordTime[] = [];
    let next = from;
    let bytes = 0;
    const slice = new TimeSlice();
    const proved = (): Stretch => ({ from, next, frames, times });
    while (next < to) {
      const { found, isLast } = isVoid(key) ? { found: [], isLast: true } : await store.page(key, next);
      for (const { offset, entry } of found) {
        if (slice.isOver) await slice.next();
        if (isVoid(key)) break;
        if (entry === undefined || entry.from > next) {
          const end = entry === undefined ? offset + 1n : entry.from;
          return next > from ? proved() : unproved(partition, from, end < to ? end : to);
        }
        // An entry without frames says when it was written, and no event was missed there.
        if (entry.frames.length > 0) times.push({ offset, atMs: entry.atMs });
        for (const frame of entry.frames) {
          // The entry may begin before what is wanted, and before the end of another node's that it overlaps.
          if (frame.offset < next || frame.offset >= to) continue;
          bytes += frame.bytes.length;
          frames.push({ ...frame, seq: -1, sourceIndex: this.#init.sourceIndex, partition });
        }
        next = offset < to ? offset + 1n : to;
        if (next === to) return proved();
      }
      // What became void while it was read must not be told.
      if (isVoid(key)) return unproved(partition, from, to);
      if (frames.length >= FRAMES_A_READ || bytes >= BYTES_A_READ) return proved();
      if (isLast && next < to) return next > from ? proved() : unproved(partition, from, to);
    }
    return proved();
  }
}

function unproved(partition: number, from: Offset, next: Offset): Stretch {
  return {
    from,
    next,
    frames: [],
    times: [],
    gap: { kind: "gap", partition, from, next, reason: "trimmed", lost: null },
  };
}
