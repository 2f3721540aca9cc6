import type { Offset } from "../../src/model/position.ts";
import type { AcceptedEvent, AcceptedRecord, ClientHistory, Truth } from "./client_history.ts";
import { type CursorPosition, offsetText } from "./read_cursor.ts";

/** An accepted event and where it is. */
export interface PlacedEvent extends AcceptedEvent {
  readonly source: string;
  readonly epoch: number;
  readonly partition: number;
  readonly offset: Offset;
}

/** How many events the stream said that it shed, less those that were found missing. */
export interface ShedAllowance {
  left: number;
}

/** What one client was entitled to, where its cursor stands, and what became of each conflated event. */
export class ReaderLedger {
  /** By source name; a source is missing until the first cursor names it. */
  readonly positions = new Map<string, CursorPosition>();
  readonly #truth: Truth;
  readonly #reader: ClientHistory;
  readonly #entitled = new Map<string, readonly PlacedEvent[]>();
  readonly #mayRead = new Set<PlacedEvent>();
  readonly #takenBack = new Set<PlacedEvent>();
  /** Where the log of a partition was cut back; deleted when a gap has said so. */
  readonly #untoldCuts = new Map<string, Offset>();
  /** What is wrong unless a gap says so: given although taken back, or passed over and written at an offset of old. */
  readonly #untold = new Map<PlacedEvent, string>();
  readonly #byKey = new Map<string, PlacedEvent[]>();
  /** Moments, counted in blocks, at which events with a conflation key were delivered or accounted for. */
  readonly #settledAt = new Map<PlacedEvent, number>();
  readonly #conflated: { readonly event: PlacedEvent; readonly at: number; readonly shed: ShedAllowance }[] = [];
  #blocks = 0;

  constructor(truth: Truth, reader: ClientHistory) {
    this.#truth = truth;
    this.#reader = reader;
    for (const { source, epochs } of truth.sources) {
      for (const [epoch, { partitions }] of epochs.entries()) {
        for (const [partition, { records, takenBack = [] }] of partitions.entries()) {
          const place = (placed: readonly AcceptedRecord[]) => this.#place({ source, epoch, partition }, placed);
          this.#entitled.set(placeKey(source, epoch, partition), place(records));
          for (const event of place(takenBack)) this.#takenBack.add(event);
          const [first] = takenBack;
          if (first !== undefined) this.#untoldCuts.set(placeKey(source, epoch, partition), first.offset);
        }
      }
    }
  }

  /** The event of this key, whoever may see it; of several copies the one at this place, else the last. */
  eventOf(key: string, identity: string | undefined): PlacedEvent | undefined {
    const copies = this.#byKey.get(key);
    return copies?.find((copy) => identityOf(copy) === identity) ?? copies?.at(-1);
  }

  /** Those of the event's scopes that the reader asked for, in its order. */
  scopesOf(event: AcceptedEvent): readonly string[] {
    return this.#reader.scopes.filter((scope) => event.scopes.includes(scope));
  }

  isEntitledTo(event: PlacedEvent): boolean {
    return this.#mayRead.has(event);
  }

  /** What the client was entitled to in `[from, next)`; to the log's end without `next`. */
  entitled(source: string, epoch: number, partition: number, from: Offset, next?: Offset): PlacedEvent[] {
    const events = this.#entitled.get(placeKey(source, epoch, partition)) ?? [];
    return events.slice(firstAtOrPast(events, from), next === undefined ? undefined : firstAtOrPast(events, next));
  }

  /** The client was given an event; what is wrong with that when the log has taken it back. */
  given(event: PlacedEvent): string | undefined {
    if (!this.#takenBack.has(event)) return undefined;
    if (!this.#untoldCuts.has(placeOf(event))) return `${event.key} came after a gap said that the log was cut back`;
    this.#untold.set(event, `${event.key} was taken back by the log, and no gap says so`);
    return undefined;
  }

  /**
   * An event was passed over in silence. When it is written where the log was cut back and this client was not told so yet,
   * that may have been in the old log: then it is told, and comes to the event again.
   */
  mayComeAgain(event: PlacedEvent): boolean {
    if (event.offset < (this.#untoldCuts.get(placeOf(event)) ?? event.offset + 1n)) return false;
    this.#untold.set(event, `${event.key} was lost in silence, where the log was cut back`);
    return true;
  }

  /** A gap said that the partition was cut back. */
  toldBack(source: string, epoch: number, partition: number): void {
    const place = placeKey(source, epoch, partition);
    this.#untoldCuts.delete(place);
    for (const event of this.#untold.keys()) if (placeOf(event) === place) this.#untold.delete(event);
  }

  /** What no gap has said in the end. */
  untoldLosses(): readonly string[] {
    return [...this.#untold.values()];
  }

  /** One more block was read: the clock of conflation. */
  countBlock(): void {
    this.#blocks++;
  }

  settled(event: PlacedEvent): void {
    if (event.conflationKey !== undefined) this.#settledAt.set(event, this.#blocks);
  }

  /** The event was passed over in silence and has a conflation key: a newer one of that key must come, or it was shed. */
  conflated(event: PlacedEvent, shed: ShedAllowance): void {
    this.#conflated.push({ event, at: this.#blocks, shed });
    this.settled(event);
  }

  unexcusedConflations(): string[] {
    return this.#conflated
      .filter(({ event, at }) =>
        ![...this.#settledAt].some(([newer, newerAt]) => newerAt >= at && this.#replaces(newer, event))
      )
      .filter(({ event, shed }) => event.priority !== "low" || shed.left-- <= 0)
      .map(({ event }) => `${event.key} was passed over and no newer one of its conflation key came`);
  }

  /** Those that the reader is entitled to; all of them are known by their keys from here on. */
  #place(
    { source, epoch, partition }: Pick<PlacedEvent, "source" | "epoch" | "partition">,
    records: readonly AcceptedRecord[],
  ): PlacedEvent[] {
    const entitled: PlacedEvent[] = [];
    for (const { offset, event } of records) {
      if (event === undefined) continue;
      const placed = { ...event, source, epoch, partition, offset };
      this.#byKey.set(event.key, [...this.#byKey.get(event.key) ?? [], placed]);
      if (!isEntitled(this.#reader, event)) continue;
      entitled.push(placed);
      this.#mayRead.add(placed);
    }
    return entitled;
  }

  /** Whoever reads one scope of the older event must be told the newer one by it too. */
  #replaces(newer: PlacedEvent, older: PlacedEvent): boolean {
    const isSameLog = newer.source === older.source && newer.epoch === older.epoch &&
      newer.partition === older.partition;
    return newer !== older && newer.event === older.event && newer.conflationKey === older.conflationKey &&
      this.scopesOf(older).every((scope) => newer.scopes.includes(scope)) &&
      (!isSameLog || newer.offset > older.offset);
  }

  /** Where the last cursor is short of a log's end. */
  unreachedEnds(): string[] {
    return this.#truth.sources.flatMap(({ source, epochs }) => {
      const position = this.positions.get(source);
      const last = epochs.length - 1;
      if (position?.epoch !== last) return [`the last cursor is of epoch ${position?.epoch} of ${source}, not ${last}`];
      return (epochs[last]?.partitions ?? []).flatMap(({ records }, partition) => {
        const end = (records.at(-1)?.offset ?? -1n) + 1n;
        const next = position.next[partition] ?? 0n;
        return next >= end
          ? []
          : [`the last cursor is at ${offsetText(next)} of ${source}:${partition}, the log at ${offsetText(end)}`];
      });
    });
  }
}

/** As the ids of a client name it. */
export function identityOf({ source, partition, offset }: PlacedEvent): string {
  return `${source}:${partition}:${offsetText(offset)}`;
}

/** By halves: it is asked for every block of long histories. */
function firstAtOrPast(events: readonly PlacedEvent[], offset: Offset): number {
  let low = 0;
  for (let high = events.length; low < high;) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.offset ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isEntitled({ scopes, patterns, grants }: ClientHistory, event: AcceptedEvent): boolean {
  const isGranted = (scope: string) => grants.has(scope) || grants.has(`${scope.split(":")[0]}:*`);
  return event.scopes.some((scope) => scopes.includes(scope)) &&
    (patterns.length === 0 ||
      patterns.some((pattern) => pattern === event.event || `${event.event.split(".")[0]}.*` === pattern)) &&
    event.audience.every(isGranted);
}

function placeOf({ source, epoch, partition }: PlacedEvent): string {
  return placeKey(source, epoch, partition);
}

function placeKey(source: string, epoch: number, partition: number): string {
  return `${source}/${epoch}/${partition}`;
}
