import type { BusRecord, RangeEvent } from "../../src/model/bus_record.ts";
import type { Offset } from "../../src/model/position.ts";
import type { HistorySource } from "../../src/replay/bus_stretches.ts";
import type { Frame } from "../../src/wire/frame.ts";
import { frameAt } from "./frames.ts";

/** A log with a record at every offset below its end, read when the test says so, and what was read of it. */
export class FakeHistory implements HistorySource {
  epoch: string;
  first: Offset = 0n;
  end: Offset;
  /** Of the record at an offset; 0 for none. */
  timeOf: (offset: Offset) => number = () => 0;
  /** Records of one batch. */
  batch = 10n;
  /** Every read that was begun. */
  readonly reads: (readonly [partition: number, from: Offset, to: Offset])[] = [];
  recordsRead = 0;
  #hold: Promise<void> | undefined;
  #release: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(epoch: string, end: Offset) {
    this.epoch = epoch;
    this.end = end;
  }

  /** Reads wait from here on until {@link FakeHistory.release}. */
  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hold = promise;
    this.#release = resolve;
  }

  release(failure?: Error): void {
    this.#failure = failure;
    this.#release?.();
    this.#hold = undefined;
  }

  /** Reads work again. */
  heal(): void {
    this.#failure = undefined;
  }

  async *readRange(partition: number, from: Offset, to: Offset): AsyncGenerator<RangeEvent> {
    this.reads.push([partition, from, to]);
    for (let at = from; at < to;) {
      await this.#hold;
      if (this.#failure !== undefined) throw this.#failure;
      if (at < this.first) {
        const next = this.first < to ? this.first : to;
        yield { kind: "gap", partition, from: at, next, reason: "retention", lost: Number(next - at) };
        at = next;
        continue;
      }
      const next = [at + this.batch, to, this.end].reduce((least, each) => each < least ? each : least);
      if (next <= at) return yield { kind: "gap", partition, from: at, next: to, reason: "ahead", lost: null };
      const records = Array.from({ length: Number(next - at) }, (_, index) => this.#recordAt(at + BigInt(index)));
      this.recordsRead += records.length;
      yield { kind: "records", partition, records, next };
      at = next;
    }
  }

  bounds(): Promise<{ epoch: string; partitions: ReadonlyMap<number, { next: Offset }> }> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return Promise.resolve({ epoch: this.epoch, partitions: new Map([[0, { next: this.end }]]) });
  }

  framesOf(partition: number, records: readonly BusRecord[]): readonly Frame[] {
    return records.map(({ offset }) => frameAt(partition, offset));
  }

  #recordAt(offset: Offset): BusRecord {
    return { offset, timestampMs: this.timeOf(offset), key: null, value: null, headers: new Map() };
  }
}
