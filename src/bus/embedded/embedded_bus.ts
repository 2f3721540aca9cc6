/**
 * The embedded log: a bus without a middleware, for a laptop, a test, or a gateway that alone publishes what it sends.
 *
 * Publishing appends to a {@link LogStore}; following reads from it by position. Nothing is queued for a follower: a
 * slow one only stands further back, and when retention passes it, it is told how many records it lost. Offsets are
 * dense, so that number is exact. A publish wakes the followers directly, and several publishes of one turn reach a
 * sink as one batch.
 */
import type { RangeEvent } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import {
  BusError,
  type EventBus,
  type FollowSink,
  type LogBounds,
  type PartitionBounds,
  type PublishedPosition,
  type PublishRecord,
} from "../event_bus.ts";
import { partitionOfKey } from "../partition_of_key.ts";
import { PublishAllowance } from "../publish_allowance.ts";
import { ChangeSignal } from "./change_signal.ts";
import type { LogStore, PlacedRecord } from "./log_store.ts";

/** Without publishes nobody else notices that records grow too old. */
const TRIM_INTERVAL_MS = 60_000;
/** A follower that catches up lets timers and sockets of the process have their turn this often. */
const MAX_TURN_MS = 8;

/** {@link EventBus} over a {@link LogStore}; made by `openEmbeddedBus`. */
export class EmbeddedBus implements EventBus {
  readonly source: string;
  readonly offsetFormat = "integer";
  readonly #store: LogStore;
  readonly #changes = new ChangeSignal();
  readonly #closing = new AbortController();
  readonly #trimTimer: ReturnType<typeof setInterval>;
  readonly #waiting = new PublishAllowance();
  /** Records without a key go round the partitions. */
  #keylessRecords = 0;

  constructor(source: string, store: LogStore) {
    this.source = source;
    this.#store = store;
    store.onChange = () => this.#changes.notify();
    this.#trimTimer = setInterval(() => store.trim(), TRIM_INTERVAL_MS);
  }

  get durability(): "memory" | "disk" {
    return this.#store.durability;
  }

  async bounds(tailRecords = 0): Promise<LogBounds> {
    this.#assertOpen("tell the bounds of");
    this.#store.trim();
    const partitions = new Map<number, PartitionBounds>();
    for (let partition = 0; partition < this.#store.partitionCount; partition++) {
      const { first, next } = this.#store.limits(partition);
      const tail = next - BigInt(tailRecords);
      partitions.set(partition, { first, tail: tail < first ? first : tail, next });
    }
    return { epoch: this.#store.epoch, partitions };
  }

  async follow(from: ReadonlyMap<number, Offset>, sink: FollowSink, signal: AbortSignal): Promise<void> {
    this.#assertOpen("follow");
    const positions = new Map<number, Offset>();
    for (const partition of from.keys()) this.#assertPartition("follow", partition);
    for (let partition = 0; partition < this.#store.partitionCount; partition++) {
      positions.set(partition, from.get(partition) ?? this.#store.limits(partition).first);
    }
    const end = AbortSignal.any([signal, this.#closing.signal]);
    if (end.aborted) return;
    await sink({ kind: "state", state: "up", detail: `the embedded log holds ${positions.size} partitions` });
    let turnBeganMs = performance.now();
    while (!end.aborted) {
      let isIdle = true;
      for (const [partition, position] of positions) {
        const event = this.#next(partition, position);
        if (event === undefined) continue;
        isIdle = false;
        positions.set(partition, event.next);
        await sink(event);
        if (end.aborted) return;
        if (performance.now() - turnBeganMs < MAX_TURN_MS) continue;
        await new Promise((resolve) => setTimeout(resolve, 0));
        turnBeganMs = performance.now();
      }
      // Between the last look at the limits and this wait nothing is awaited: no publish can slip through.
      if (!isIdle) continue;
      await this.#changes.wait(end);
      turnBeganMs = performance.now();
    }
  }

  async *readRange(partition: number, from: Offset, to: Offset, signal: AbortSignal): AsyncGenerator<RangeEvent> {
    this.#assertPartition("read", partition);
    for (let position = from; position < to;) {
      this.#assertOpen("read");
      if (signal.aborted) throw new BusError(`Cannot read ${this.#name}: it was aborted.`, { cause: signal.reason });
      const event = this.#nextInRange(partition, position, to);
      position = event.next;
      yield event;
    }
  }

  async publish(records: readonly PublishRecord[]): Promise<readonly PublishedPosition[]> {
    this.#assertOpen("publish to");
    if (records.length === 0) return [];
    const placed = records.map((record): PlacedRecord => ({ partition: this.#partitionOf(record), record }));
    const offsets = await this.#waiting.hold(this.#name, records, () => this.#store.append(placed));
    return placed.map(({ partition }, index) => ({ partition, offset: offsets[index] ?? 0n }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    clearInterval(this.#trimTimer);
    this.#closing.abort();
    await this.#store.close();
  }

  get #name(): string {
    return `the embedded log "${this.source}"`;
  }

  #next(partition: number, position: Offset): RangeEvent | undefined {
    const { first, next } = this.#store.limits(partition);
    if (position === next) return undefined;
    if (position > next) return { kind: "gap", partition, from: position, next, reason: "ahead", lost: null };
    if (position < first) return trimmed(partition, position, first);
    return this.#records(partition, position, next);
  }

  #nextInRange(partition: number, position: Offset, to: Offset): RangeEvent {
    const { first, next } = this.#store.limits(partition);
    if (position >= next) return { kind: "gap", partition, from: position, next: to, reason: "ahead", lost: null };
    if (position < first) return trimmed(partition, position, first < to ? first : to);
    return this.#records(partition, position, next < to ? next : to);
  }

  #records(partition: number, from: Offset, to: Offset): RangeEvent {
    const records = this.#store.read(partition, from, to);
    return { kind: "records", partition, records, next: from + BigInt(records.length) };
  }

  #partitionOf(record: PublishRecord): number {
    const { partitionCount } = this.#store;
    return record.key === null ? this.#keylessRecords++ % partitionCount : partitionOfKey(record.key, partitionCount);
  }

  #assertOpen(verb: string): void {
    if (this.#closing.signal.aborted) throw new BusError(`Cannot ${verb} ${this.#name}: it was closed.`);
  }

  #assertPartition(verb: string, partition: number): void {
    if (Number.isInteger(partition) && partition >= 0 && partition < this.#store.partitionCount) return;
    throw new BusError(
      `Cannot ${verb} partition ${partition} of ${this.#name}: it has ${this.#store.partitionCount} partitions.`,
    );
  }
}

function trimmed(partition: number, from: Offset, next: Offset): RangeEvent {
  return { kind: "gap", partition, from, next, reason: "trimmed", lost: Number(next - from) };
}
