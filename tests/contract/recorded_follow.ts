import assert from "node:assert/strict";
import type { EventBus, FollowEvent } from "../../src/bus/event_bus.ts";
import type { BusRecord, RangeEvent } from "../../src/model/bus_record.ts";
import type { Offset } from "../../src/model/position.ts";

/** Real servers on a busy machine take their time; what takes longer hangs. */
const PATIENCE_MS = 60_000;

export type GapEvent = Extract<RangeEvent, { kind: "gap" }>;

/** Follows a bus and remembers all that it yields. */
export class RecordedFollow implements AsyncDisposable {
  readonly events: FollowEvent[] = [];
  readonly #abort = new AbortController();
  readonly #checks = new Set<() => void>();
  readonly #ended: Promise<void>;
  #error: unknown;
  #hold: PromiseWithResolvers<void> | null = null;

  constructor(bus: EventBus, from: ReadonlyMap<number, Offset> = new Map()) {
    this.#ended = bus.follow(from, (event) => this.#take(event), this.#abort.signal).catch((error) => {
      this.#error = error;
      for (const check of this.#checks) check();
    });
  }

  /** Follows and waits until the log is attached, so that nothing later can be before it. */
  static async start(bus: EventBus, from?: ReadonlyMap<number, Offset>): Promise<RecordedFollow> {
    const follow = new RecordedFollow(bus, from);
    await follow.until("attached", () => follow.events.length > 0);
    return follow;
  }

  /** From now on the sink does not return. */
  hold(): void {
    this.#hold ??= Promise.withResolvers();
  }

  release(): void {
    this.#hold?.resolve();
    this.#hold = null;
  }

  async until(what: string, isTrue: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = () => {
      if (this.#error !== undefined) return reject(this.#error);
      if (isTrue()) resolve();
    };
    const timer = setTimeout(() => {
      reject(new Error(`${what}: not within ${PATIENCE_MS} ms. The follow has seen: ${this.#summary()}`));
    }, PATIENCE_MS);
    this.#checks.add(check);
    check();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#checks.delete(check);
    }
  }

  untilRecords(count: number, partition?: number): Promise<void> {
    return this.until(`${count} records`, () => this.records(partition).length >= count);
  }

  records(partition?: number): BusRecord[] {
    return recordsOf(this.events, partition);
  }

  texts(partition?: number): string[] {
    return textsOf(this.records(partition));
  }

  gaps(): GapEvent[] {
    return this.events.filter((event) => event.kind === "gap");
  }

  states(): string[] {
    return this.events.flatMap((event) => event.kind === "state" ? [event.state] : []);
  }

  /** Aborts, waits for the end and checks what every follow must have kept to. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.release();
    await this.#ended;
    if (this.#error !== undefined) throw this.#error;
    assertContinuous(this.events);
  }

  /** Resolves when the follow has ended by itself. */
  async ended(): Promise<void> {
    await this.#ended;
    if (this.#error !== undefined) throw this.#error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.release();
    await this.#ended;
  }

  async #take(event: FollowEvent): Promise<void> {
    this.events.push(event);
    for (const check of this.#checks) check();
    await this.#hold?.promise;
  }

  #summary(): string {
    const counts = this.events.map((event) => event.kind === "records" ? `${event.records.length} records` : event);
    return Deno.inspect(counts.slice(-20));
  }
}

/** All that a range read yields, after the checks that hold for every one. */
export async function readAll(bus: EventBus, partition: number, from: Offset, to: Offset): Promise<RangeEvent[]> {
  const events: RangeEvent[] = [];
  for await (const event of bus.readRange(partition, from, to, new AbortController().signal)) events.push(event);
  assertContinuous(events, new Map([[partition, from]]));
  if (from < to) assert.equal(events.at(-1)?.next, to, "a range is complete when its last event says so");
  else assert.deepEqual(events, []);
  return events;
}

export function recordsOf(events: readonly FollowEvent[], partition?: number): BusRecord[] {
  return events.flatMap((event) =>
    event.kind === "records" && (partition === undefined || event.partition === partition) ? event.records : []
  );
}

export function textsOf(records: readonly Pick<BusRecord, "value">[]): string[] {
  return records.map(({ value }) => value === null ? "(tombstone)" : new TextDecoder().decode(value));
}

/** Strictly increasing offsets, each event from where the one before it ended, nothing outside its event. */
export function assertContinuous(events: readonly FollowEvent[], from: ReadonlyMap<number, Offset> = new Map()): void {
  const positions = new Map(from);
  for (const event of events) {
    if (event.kind === "epoch-changed") positions.clear();
    if (event.kind === "gap") {
      const position = positions.get(event.partition);
      if (position !== undefined) assert.equal(event.from, position, `a gap begins at the position: ${inspect(event)}`);
      positions.set(event.partition, event.next);
    }
    if (event.kind !== "records") continue;
    let position = positions.get(event.partition) ?? 0n;
    for (const { offset } of event.records) {
      assert.ok(offset >= position, `partition ${event.partition}: offset ${offset} after position ${position}`);
      position = offset + 1n;
    }
    assert.ok(event.next >= position, `partition ${event.partition}: next ${event.next} before ${position}`);
    positions.set(event.partition, event.next);
  }
}

function inspect(value: unknown): string {
  return Deno.inspect(value);
}
