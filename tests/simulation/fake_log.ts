import { BusError, type LogBounds } from "../../src/bus/event_bus.ts";
import type { BusRecord, RangeEvent } from "../../src/model/bus_record.ts";
import { type Offset, type OffsetFormat, offsetOfEntry } from "../../src/model/position.ts";
import { SSEMessage } from "../../src/model/sse_message.ts";
import type { MappingOutcome } from "../../src/pipeline/mapping_outcome.ts";
import type { AcceptedEvent, AcceptedRecord, SourceTruth } from "../checker/client_history.ts";
import { nextMoment } from "../checker/moments.ts";
import type { SeededRandom } from "./seeded_random.ts";

interface FakePartition {
  readonly records: (AcceptedRecord & { readonly busRecord: BusRecord })[];
  first: Offset;
  readonly begunAt: { readonly first: Offset; readonly until: number }[];
  /** Where reading ends: behind the last record, and behind the holes after it. */
  next: Offset;
}

interface Incarnation {
  readonly epoch: string;
  readonly partitions: FakePartition[];
}

/** Waits, fails or does nothing before each answer of the log, as the simulation wants it. */
export type Pace = () => Promise<void> | undefined;

/** A partitioned log in memory with all that real ones do: holes, retention, new partitions, a new incarnation. */
export class FakeLog implements SourceTruth {
  readonly source: string;
  readonly format: OffsetFormat;
  readonly epochs: Incarnation[] = [];
  readonly #random: SeededRandom;
  readonly #pace: Pace;
  readonly #outcomes = new Map<BusRecord, MappingOutcome>();

  constructor(source: string, format: OffsetFormat, partitions: number, random: SeededRandom, pace: Pace) {
    this.source = source;
    this.format = format;
    this.#random = random;
    this.#pace = pace;
    this.recreate(partitions);
  }

  get epoch(): string {
    return this.#current.epoch;
  }

  get partitionCount(): number {
    return this.#current.partitions.length;
  }

  recreate(partitions: number): void {
    this.epochs.push({ epoch: `${this.source} ${this.epochs.length} ${this.#random.next()}`, partitions: [] });
    for (let partition = 0; partition < partitions; partition++) this.addPartition();
  }

  addPartition(): void {
    const first = this.format === "ms-seq"
      ? 0n
      : this.epochs.length > 1 || this.#random.chance(0.5)
      ? 0n
      : BigInt(this.#random.between(0, 5_000_000));
    // A partition that is added to a log begins at 0, in every middleware.
    const begin = this.#current.partitions.length > 0 && this.#hasRecords() ? 0n : first;
    this.#current.partitions.push({ records: [], first: begin, begunAt: [], next: begin });
  }

  /** Appends a record; `undefined` for one that is for nobody. Gives its place as text. */
  publish(partition: number, makeEvent: (key: string) => AcceptedEvent | undefined): string {
    const log = this.#partition(partition);
    const offset = log.next + this.#step(log.next);
    const key = `${this.source}/${this.epochs.length - 1}/${partition}/${offset}`;
    const event = makeEvent(key);
    const busRecord = { offset, timestampMs: Date.now(), key: null, value: null, headers: new Map() };
    this.#outcomes.set(busRecord, outcomeOf(event));
    log.records.push({ offset, event, busRecord });
    log.next = offset + 1n;
    // A transaction marker: reading goes on behind it.
    if (this.format === "integer" && this.#random.chance(0.05)) log.next++;
    return key;
  }

  /** Retention: the oldest records go, sometimes up to the middle of a hole. */
  trim(partition: number, share: number): void {
    const log = this.#partition(partition);
    const record = log.records[Math.floor(log.records.length * share)];
    const first = record === undefined ? log.next : record.offset + (this.#random.chance(0.5) ? 0n : 1n);
    if (first <= log.first) return;
    log.begunAt.push({ first: log.first, until: nextMoment() });
    log.first = first;
  }

  outcomeOf(record: BusRecord): MappingOutcome {
    return this.#outcomes.get(record) ?? { kind: "dropped", by: "unmatched" };
  }

  /** What reading a partition gives next; `undefined` at its end. */
  batch(partition: number, from: Offset, maxRecords: number): RangeEvent | undefined {
    const log = this.#partition(partition);
    if (from < log.first) return this.#gap(partition, from, log.first);
    if (from >= log.next) return undefined;
    const start = firstAtOrPast(log.records, from);
    const found = log.records.slice(start, start + maxRecords);
    const after = log.records[start + found.length];
    const last = found.at(-1);
    const behindLast = last === undefined ? from : last.offset + 1n;
    const next = after === undefined ? log.next : this.#random.chance(0.5) ? behindLast : after.offset;
    if (next <= from) return undefined;
    return { kind: "records", partition, records: found.map(({ busRecord }) => busRecord), next };
  }

  async *readRange(partition: number, from: Offset, to: Offset): AsyncGenerator<RangeEvent> {
    for (let at = from; at < to;) {
      await this.#pace();
      if (this.#current.partitions[partition] === undefined) throw new BusError("Cannot read: no such partition");
      const event = this.batch(partition, at, this.#random.between(1, 6));
      if (event === undefined) {
        yield { kind: "gap", partition, from: at, next: to, reason: "ahead", lost: null };
        return;
      }
      const next = event.next < to ? event.next : to;
      if (event.kind === "gap") yield this.#gap(partition, at, next);
      else yield { ...event, next, records: event.records.filter(({ offset }) => offset < to) };
      at = next;
    }
  }

  async bounds(): Promise<LogBounds> {
    await this.#pace();
    return this.boundsNow();
  }

  boundsNow(): LogBounds {
    const { epoch, partitions } = this.#current;
    return {
      epoch,
      partitions: new Map(partitions.map(({ first, next }, index) => [index, { first, tail: first, next }])),
    };
  }

  get #current(): Incarnation {
    const current = this.epochs.at(-1);
    if (current === undefined) throw new RangeError("Cannot use the log: it was never created");
    return current;
  }

  #partition(partition: number): FakePartition {
    const found = this.#current.partitions[partition];
    if (found === undefined) throw new RangeError(`Cannot use partition ${partition}: there is no such one`);
    return found;
  }

  #hasRecords(): boolean {
    return this.#current.partitions.some(({ records }) => records.length > 0);
  }

  #gap(partition: number, from: Offset, next: Offset): Extract<RangeEvent, { kind: "gap" }> {
    const reason = this.format === "integer" ? "retention" : "trimmed";
    const { records } = this.#partition(partition);
    const lost = records.filter(({ offset }) => offset >= from && offset < next).length;
    return { kind: "gap", partition, from, next, reason, lost: this.#random.chance(0.5) ? lost : null };
  }

  /** How far the next record is from where it could be. */
  #step(next: Offset): bigint {
    if (this.format === "integer") return this.#random.chance(0.15) ? BigInt(this.#random.between(1, 4)) : 0n;
    if (next === 0n) return offsetOfEntry(1_700_000_000_000n, 0n);
    return this.#random.chance(0.4) ? 0n : offsetOfEntry(BigInt(this.#random.between(1, 3)), 0n);
  }
}

function outcomeOf(event: AcceptedEvent | undefined): MappingOutcome {
  if (event === undefined) return { kind: "dropped", by: "rule:nobody" };
  const { key, audience, priority, conflationKey } = event;
  const messages = event.scopes.map((scope) =>
    new SSEMessage({
      event: event.event,
      data: { key },
      scope: scope as SSEMessage["scope"], // the simulation's own texts
      time: "2026-01-01T00:00:00.000Z",
      audience: audience as SSEMessage["audience"],
      priority,
      ...(conflationKey === undefined ? {} : { conflationKey }),
    })
  );
  return { kind: "messages", rule: "all", messages };
}

function firstAtOrPast(records: readonly AcceptedRecord[], from: Offset): number {
  const index = records.findIndex(({ offset }) => offset >= from);
  return index < 0 ? records.length : index;
}
