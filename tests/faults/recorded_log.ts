import type { Offset, OffsetFormat } from "../../src/model/position.ts";
import type { AcceptedEvent, AcceptedRecord, PartitionTruth, SourceTruth } from "../checker/client_history.ts";
import type { OutgoingRecord, ReadableSource } from "./fault_source.ts";
import { keyOf } from "./load.ts";

/** What a real log is known to have accepted: every incarnation of it, in offset order. */
export class RecordedLog implements SourceTruth {
  readonly source: string;
  readonly format: OffsetFormat;
  readonly epochs: { readonly epoch: string; readonly partitions: RecordedPartition[] }[] = [];
  readonly #uncertain = new Map<string, AcceptedEvent | undefined>();

  constructor(source: string, format: OffsetFormat) {
    this.source = source;
    this.format = format;
  }

  get partitionCount(): number {
    return this.#current.length;
  }

  /** Of the present incarnation. */
  get partitions(): readonly PartitionTruth[] {
    return this.#current;
  }

  get acceptedCount(): number {
    return this.epochs.flatMap(({ partitions }) => partitions).reduce((sum, { records }) => sum + records.length, 0);
  }

  /** The log was created, or created anew. */
  begin(epoch: string, partitions: number): void {
    this.epochs.push({ epoch, partitions: [] });
    for (let partition = 0; partition < partitions; partition++) this.addPartition();
  }

  addPartition(): void {
    this.#current.push({ records: [], takenBack: [], first: 0n, begunAt: [], next: 0n });
  }

  /** A record is in the log; answers may come in any order. */
  accept(partition: number, offset: Offset, event: AcceptedEvent | undefined): void {
    const log = this.#partition(partition);
    const before = log.records.findLastIndex((record) => record.offset < offset);
    log.records.splice(before + 1, 0, { offset, event });
    if (log.next <= offset) log.next = offset + 1n;
  }

  /** A record was sent, and nobody knows whether the log has it. */
  doubt({ key, event }: OutgoingRecord): void {
    this.#uncertain.set(key, event);
  }

  /** Accepts the doubted records that the log itself shows to be there. */
  async resolveDoubts(log: Pick<ReadableSource, "readAll">): Promise<void> {
    if (this.#uncertain.size === 0) return;
    await log.readAll(({ partition, offset, value }) => {
      const key = keyOf(value);
      if (!this.#uncertain.has(key)) return;
      this.accept(partition, offset, this.#uncertain.get(key));
      this.#uncertain.delete(key);
    });
  }

  /**
   * Offsets below can no longer be read.
   *
   * @param askedAt the moment before the log was asked where it begins
   */
  trim(partition: number, first: Offset, askedAt: number): void {
    const log = this.#partition(partition);
    if (first > log.first) log.first = first;
    if (log.begunAt.at(-1)?.first === log.first) log.begunAt.pop();
    log.begunAt.push({ first: log.first, until: askedAt });
  }

  /** The log has forgotten all from here on, and goes on here. */
  cutBack(partition: number, next: Offset): void {
    const log = this.#partition(partition);
    const kept = log.records.filter(({ offset }) => offset < next).length;
    log.takenBack.push(...log.records.splice(kept));
    log.next = next;
  }

  get #current(): RecordedPartition[] {
    const current = this.epochs.at(-1);
    if (current === undefined) throw new RangeError(`Cannot record ${this.source}: it was never created`);
    return current.partitions;
  }

  #partition(partition: number): RecordedPartition {
    const found = this.#current[partition];
    if (found === undefined) {
      throw new RangeError(`Cannot record partition ${partition} of ${this.source}: no such one`);
    }
    return found;
  }
}

interface RecordedPartition {
  readonly records: AcceptedRecord[];
  readonly takenBack: AcceptedRecord[];
  first: Offset;
  readonly begunAt: { readonly first: Offset; readonly until: number }[];
  next: Offset;
}
