import type { GapReason } from "../../src/model/gap.ts";
import type { Offset } from "../../src/model/position.ts";
import type { PartitionTruth, SeenBlock, StreamHistory, Truth } from "./client_history.ts";
import type { Block } from "./event_stream_parser.ts";
import { type CursorPosition, offsetOf, offsetText, type ReadCursor, readCursor } from "./read_cursor.ts";
import { identityOf, type PlacedEvent, type ReaderLedger, type ShedAllowance } from "./reader_ledger.ts";

/** A gap that the client was told of. */
interface ToldGap {
  readonly source: string;
  readonly partition: number;
  readonly from: Offset;
  /** Last offset that may be missing. */
  readonly to: Offset;
  readonly reason: GapReason;
  readonly lost: number | null;
  readonly seenAt: number | undefined;
  /** Known with the first cursor from here on. */
  epoch: number | undefined;
}

/** Walks along one stream of a client and reports every claim that is not true. */
export class CheckedStream {
  readonly #truth: Truth;
  readonly #ledger: ReaderLedger;
  readonly #stream: StreamHistory;
  readonly #report: (text: string, block: number) => void;
  readonly #gaps: ToldGap[] = [];
  readonly #replayLimited: ToldGap[] = [];
  #block = -1;
  /** The next cursor is where this client begins: what lies before it is not its concern. */
  #beginsAnew: boolean;
  #isClosed = false;
  #deliveredCount = 0;
  readonly #shed: ShedAllowance = { left: 0 };

  constructor(
    truth: Truth,
    ledger: ReaderLedger,
    stream: StreamHistory,
    report: (text: string, block: number) => void,
  ) {
    this.#truth = truth;
    this.#ledger = ledger;
    this.#stream = stream;
    this.#report = report;
    const cursor = stream.cursor === undefined ? undefined : readCursor(stream.cursor, truth.sources);
    this.#beginsAnew = cursor === undefined;
    ledger.positions.clear();
    for (const [source, position] of cursor?.positions ?? []) ledger.positions.set(source, position);
  }

  take(block: SeenBlock): void {
    this.#block++;
    this.#ledger.countBlock();
    if (this.#isClosed) this.#violation("something came after stream.closing");
    if ((this.#block === 0) !== (block.event === "stream.opened") && block.event !== "stream.closing") {
      this.#violation(`the block is ${block.event}: stream.opened comes first, and once`);
    }
    const event = block.event?.startsWith("stream.") === false ? this.#eventOf(block) : undefined;
    if (block.event?.startsWith("stream.") === true) this.#takeControl(block);
    if (block.id === undefined) {
      if (event !== undefined) this.#violation(`${event.key} has no id`);
      return;
    }
    const cursor = readCursor(block.id, this.#truth.sources);
    if (cursor === undefined) return this.#violation(`the id ${block.id} is no cursor`);
    if (event !== undefined) this.#checkEvent(event, cursor);
    this.#advance(cursor, event);
    if (event !== undefined) this.#deliveredCount++;
  }

  #eventOf(block: Block): PlacedEvent | undefined {
    const data: { scope: string; scopes?: readonly string[]; data: { key: string } } = JSON.parse(block.data ?? "");
    const event = this.#ledger.eventOf(data.data.key, block.id?.split("~")[0]);
    if (event === undefined) this.#violation(`nobody accepted ${data.data.key}`);
    else if (event.event !== block.event) this.#violation(`${event.key} came as ${block.event}, not as ${event.event}`);
    else this.#checkScopes(event, data.scope, data.scopes);
    return event;
  }

  /** Of the record's scopes the reader is told all that it asked for, in that order, and never another. */
  #checkScopes(event: PlacedEvent, scope: string, scopes: readonly string[] | undefined): void {
    const own = this.#ledger.scopesOf(event);
    if (scope !== own[0] || `${scopes}` !== `${own.length > 1 ? own : undefined}`) {
      this.#violation(`${event.key} came under ${scope}, of ${scopes}: its scopes of this reader are ${own}`);
    }
  }

  #checkEvent(event: PlacedEvent, cursor: ReadCursor): void {
    const identity = identityOf(event);
    if (cursor.identity !== identity) this.#violation(`${event.key} came as ${cursor.identity}, it is ${identity}`);
    if (!this.#ledger.isEntitledTo(event)) this.#violation(`${event.key} is not for this reader`);
    const said = cursor.positions.get(event.source);
    if (said?.epoch !== event.epoch) {
      this.#violation(`${event.key} is of epoch ${event.epoch}, its id of epoch ${said?.epoch}`);
    }
    const wrong = this.#ledger.given(event);
    if (wrong !== undefined) this.#violation(wrong);
    const position = this.#ledger.positions.get(event.source);
    if (position?.epoch === event.epoch && event.offset < (position.next[event.partition] ?? 0n)) {
      if (!this.#mayGoBack(event.source, event.partition)) {
        this.#violation(`${event.key} comes again, or after a later one of its partition`);
      }
    }
  }

  #takeControl({ event, data, seenAt }: SeenBlock): void {
    if (event === "stream.closing") this.#isClosed = true;
    if (event === "stream.gap-detected") this.#takeGap(JSON.parse(data ?? ""), seenAt);
    if (event === "stream.events-dropped") {
      const { count, priority } = JSON.parse(data ?? "");
      if (priority !== "low") this.#violation(`${priority} events were dropped`);
      this.#shed.left += count;
    }
    if (event === "stream.caught-up") {
      const { replayed } = JSON.parse(data ?? "");
      if (replayed !== this.#deliveredCount && this.#replayLimited.length === 0) {
        this.#violation(`caught up after ${this.#deliveredCount} events, it says ${replayed}`);
      }
      if (this.#replayLimited.length > 0) this.#checkReplayLimit();
    }
  }

  #takeGap(
    data: Record<string, string> & { partition: number; reason: GapReason; lost: number | null },
    seenAt: number | undefined,
  ): void {
    const { source, partition, from, to, reason, lost } = data;
    if (typeof source !== "string") {
      // Anything anywhere may be missing: the client begins anew.
      if (!this.#beginsAnew || this.#stream.cursor === undefined) this.#violation("its cursor could be read");
      return;
    }
    this.#gaps.push({
      source,
      partition,
      from: offsetOf(from ?? ""),
      to: offsetOf(to ?? ""),
      reason,
      lost,
      seenAt,
      epoch: undefined,
    });
  }

  /** Takes an id: all that lies between the cursor before and this one must have been delivered or told. */
  #advance(cursor: ReadCursor, delivered: PlacedEvent | undefined): void {
    const told = this.#gaps.filter(({ epoch }) => epoch === undefined);
    for (const gap of told) gap.epoch = cursor.positions.get(gap.source)?.epoch;
    for (const { source } of this.#truth.sources) {
      const now = cursor.positions.get(source);
      const before = this.#ledger.positions.get(source);
      if (now === undefined) this.#violation(`the id does not name ${source}`);
      else if (before !== undefined && !this.#beginsAnew) {
        for (const gap of told) if (gap.source === source) this.#checkGap(gap, before);
        this.#advanceSource(source, before, now, delivered);
      }
      if (now !== undefined) this.#ledger.positions.set(source, now);
    }
    this.#beginsAnew = false;
  }

  #advanceSource(
    source: string,
    before: CursorPosition,
    now: CursorPosition,
    delivered: PlacedEvent | undefined,
  ): void {
    if (now.epoch < before.epoch) {
      // Only a node that has not met the new log for as long as it may wait sets a client back, and says so.
      const isTold = this.#gaps.some((gap) =>
        gap.source === source && gap.reason === "epoch" && gap.epoch === now.epoch
      );
      if (!isTold || !this.#stream.excused.has("ahead")) {
        this.#violation(`the id of ${source} goes back to epoch ${now.epoch}`);
      }
      return;
    }
    for (let epoch = before.epoch; epoch < now.epoch; epoch++) {
      const count = this.#truth.sources.find((each) => each.source === source)?.epochs[epoch]?.partitions.length ?? 0;
      for (let partition = 0; partition < count; partition++) {
        const from = epoch === before.epoch ? before.next[partition] ?? 0n : 0n;
        const isTold = this.#gaps.some((gap) =>
          gap.source === source && gap.reason === "epoch" && gap.epoch === now.epoch &&
          (gap.partition === partition || partition >= now.next.length)
        );
        for (const event of this.#ledger.entitled(source, epoch, partition, from)) {
          if (!isTold) this.#violation(`${event.key} of an older epoch was neither delivered nor told as lost`);
          this.#ledger.settled(event);
        }
      }
    }
    const partitions = Math.max(before.next.length, now.next.length);
    for (let partition = 0; partition < partitions; partition++) {
      const from = now.epoch === before.epoch ? before.next[partition] ?? 0n : 0n;
      const next = now.next[partition] ?? 0n;
      if (next < from && now.epoch === before.epoch && !this.#mayGoBack(source, partition)) {
        this.#violation(`the id of ${source}:${partition} goes back from ${offsetText(from)} to ${offsetText(next)}`);
      }
      for (const event of this.#ledger.entitled(source, now.epoch, partition, from, next)) {
        this.#settle(event, delivered);
      }
    }
  }

  #settle(event: PlacedEvent, delivered: PlacedEvent | undefined): void {
    const isTold = this.#gaps.some((gap) =>
      gap.source === event.source && gap.partition === event.partition && gap.epoch === event.epoch &&
      gap.from <= event.offset && event.offset <= gap.to
    );
    if (event === delivered || isTold) return this.#ledger.settled(event);
    if (this.#stream.wasSlow && event.conflationKey !== undefined) return this.#ledger.conflated(event, this.#shed);
    if (this.#stream.wasSlow && event.priority === "low" && this.#shed.left-- > 0) return this.#ledger.settled(event);
    if (!this.#ledger.mayComeAgain(event)) this.#violation(`${event.key} was lost in silence`);
  }

  /** A gap `ahead` sets its partition back: what follows may have been seen before. */
  #mayGoBack(source: string, partition: number): boolean {
    return this.#gaps.some((gap) => gap.source === source && gap.partition === partition && gap.reason === "ahead");
  }

  #checkGap(gap: ToldGap, before: CursorPosition): void {
    const { source, partition, from, to, reason, lost, seenAt, epoch } = gap;
    const epochs = this.#truth.sources.find((each) => each.source === source)?.epochs ?? [];
    const range = `${reason} gap of ${source}:${partition} from ${offsetText(from)} to ${offsetText(to)}`;
    const line = epochs[epoch ?? -1]?.partitions[partition];
    if (line === undefined) return this.#violation(`the ${range} is of a partition that does not exist`);
    if (lost !== null) {
      const gone = line.records.filter(({ offset }) => offset >= from && offset <= to).length;
      if (gone !== lost) this.#violation(`the ${range} says that ${lost} are lost, there were ${gone}`);
    }
    if (reason === "ahead") this.#ledger.toldBack(source, epoch ?? -1, partition);
    const reached = epoch === before.epoch ? before.next[partition] ?? 0n : 0n;
    if (from < reached && reason !== "ahead" && reason !== "epoch") {
      this.#violation(`the ${range} begins too early: the client has read up to ${offsetText(reached)}`);
    }
    if (this.#stream.excused.has(reason)) return;
    const first = firstAt(line, seenAt);
    switch (reason) {
      case "retention":
      case "trimmed":
        if (to >= first) this.#violation(`the ${range} is not lost: the log began at ${offsetText(first)}`);
        if (epoch === before.epoch && to < (before.next[partition] ?? 0n)) {
          this.#violation(`the ${range} was no loss to this client`);
        }
        return;
      case "ahead":
        if ((line.takenBack ?? []).length === 0) {
          this.#violation(`the ${range} has no cause: the log took nothing back`);
        }
        return;
      case "epoch":
        if (epoch === before.epoch && epochs.length - 1 === epoch) this.#violation(`the ${range} is of no new epoch`);
        return;
      case "replay-limit":
        this.#replayLimited.push(gap);
        return;
      case "source-reset":
        // The log was created anew while it was read.
        if (epochs.length - 1 === epoch) this.#violation(`the ${range} has no cause`);
        return;
      default:
        this.#violation(`the ${range} has no cause`);
    }
  }

  #checkReplayLimit(): void {
    const { maxEvents, maxScannedRecords, hasOthers } = this.#truth.replayLimits;
    if (hasOthers === true) return;
    let events = this.#deliveredCount;
    let offsets = 0n;
    for (const { source, epoch, partition, from, to } of this.#replayLimited) {
      events += this.#ledger.entitled(source, epoch ?? 0, partition, from, to + 1n).length;
      offsets += to + 1n - from;
    }
    if (events <= maxEvents && offsets <= BigInt(maxScannedRecords)) {
      this.#violation(`a replay of ${events} events was refused, ${maxEvents} are allowed`);
    }
  }

  #violation(text: string): void {
    this.#report(text, this.#block);
  }
}

/** Where the log began at that moment, or later where nobody knows; at the end of the run where there is no moment. */
function firstAt({ first, begunAt = [] }: PartitionTruth, moment = Number.POSITIVE_INFINITY): Offset {
  return begunAt.find(({ until }) => moment <= until)?.first ?? first;
}
