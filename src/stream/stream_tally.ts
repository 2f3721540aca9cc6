import type { Offset } from "../model/position.ts";
import type { Frame } from "../wire/frame.ts";

/** What one stream was given, for people who look at it. */
export class StreamTally {
  /** Events taken for the reader: sent, or waiting in its queue. */
  frames = 0;
  /** Bytes handed over, heartbeats and control events among them. */
  bytes = 0;
  /** Events of low priority that this reader was too slow for. */
  shedFrames = 0;
  /** The last event that was taken: its place alone, for a frame keeps the whole slab that it was encoded into. */
  last: { sourceIndex: number; partition: number; offset: Offset } | undefined;

  take(frames: readonly Frame[]): void {
    this.frames += frames.length;
    const last = frames.at(-1);
    if (last === undefined) return;
    const { sourceIndex, partition, offset } = last;
    if (this.last === undefined) {
      this.last = { sourceIndex, partition, offset };
      return;
    }
    // Written to and not made anew: at a million deliveries a second it would show.
    this.last.sourceIndex = sourceIndex;
    this.last.partition = partition;
    this.last.offset = offset;
  }
}
