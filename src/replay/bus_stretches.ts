import type { BusRecord, RangeEvent } from "../model/bus_record.ts";
import type { Offset } from "../model/position.ts";
import type { Frame } from "../wire/frame.ts";
import { BYTES_A_READ, type RecordTime, type Stretch, type StretchSource } from "./shared_passes.ts";
import { TimeSlice } from "./time_slice.ts";

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

const READ_TO_THE_END = new AbortController().signal;

/** Records that are mapped before the time is looked at. */
const RECORDS_A_LOOK = 16;

/** Stretches of the log itself, mapped and minimised as live records are. */
export class BusStretches implements StretchSource {
  readonly #source: HistorySource;
  readonly #recordsARead: number;

  /** @param recordsARead that one read takes from the bus at most; a client's replay is many of them */
  constructor(source: HistorySource, recordsARead: number) {
    this.#source = source;
    this.#recordsARead = recordsARead;
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

  /** Looked at after the read, the epoch proves that all that was read is of the log that was asked for. */
  async read(epoch: string, partition: number, from: Offset, to: Offset): Promise<Stretch> {
    const stretch = await this.#readRange(partition, from, to);
    if ((await this.#source.bounds()).epoch === epoch) return stretch;
    return {
      from,
      next: to,
      frames: [],
      times: [],
      gap: { kind: "gap", partition, from, next: to, reason: "epoch", lost: null },
    };
  }

  async #readRange(partition: number, from: Offset, to: Offset): Promise<Stretch> {
    const frames: Frame[] = [];
    const times: RecordTime[] = [];
    let next = from;
    let count = 0;
    let bytes = 0;
    const slice = new TimeSlice();
    // Not a client's signal: a client that goes away must not take the read from the others.
    for await (const event of this.#source.readRange(partition, from, to, READ_TO_THE_END)) {
      if (event.kind === "gap") {
        // What came before the gap is an answer of its own; the gap is met again, first, by the next read.
        return next > from ? { from, next, frames, times } : { from, next: event.next, frames, times, gap: event };
      }
      for (const { offset, timestampMs } of event.records) {
        // A producer that sets no time leaves 0 or -1.
        if (timestampMs > 0) times.push({ offset, atMs: timestampMs });
      }
      for (let start = 0; start < event.records.length; start += RECORDS_A_LOOK) {
        if (slice.isOver) await slice.next();
        for (const frame of this.#source.framesOf(partition, event.records.slice(start, start + RECORDS_A_LOOK))) {
          frames.push(frame);
          bytes += frame.bytes.length;
        }
      }
      next = event.next;
      count += event.records.length;
      if (count >= this.#recordsARead || bytes >= BYTES_A_READ) {
        return { from, next: next > to ? to : next, frames, times };
      }
    }
    // A range ends when its end is proved reached, also where the last offsets are holes.
    return { from, next: to, frames, times };
  }
}
