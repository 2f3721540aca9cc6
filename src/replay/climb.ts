import { epochGaps, type Gap } from "../model/gap.ts";
import type { Offset } from "../model/position.ts";
import { PositionVector } from "../model/position_vector.ts";
import type { ReplayOrigin } from "../wire/control_events.ts";
import { CursorWriter, parseCursor } from "../wire/cursor.ts";
import { cursorOf, type Frame } from "../wire/frame.ts";
import { onePerRecord } from "../wire/one_per_record.ts";
import { encodePage, type Page } from "../wire/page.ts";
import { Chase } from "./chase.ts";
import type { ClimbStep } from "./climb_step.ts";
import { firstPage, PAGE_FRAMES } from "./first_page.ts";
import type { ReplayContext, ReplayTarget, Rung } from "./replay.ts";
import type { ReplayPlace } from "./replay_turns.ts";
import type { SharedStretch, StretchWish } from "./shared_passes.ts";

/** Breaks of upper rungs that one climb has filled piece by piece; behind more of them the log is read as a whole. */
const MAX_FILLED_BREAKS = 8;

/** The deeper, the later. */
const DEPTHS: readonly ReplayOrigin[] = ["journal", "redis", "bus"];

/** How soon a log that could not be read is asked again, in milliseconds. */
const UNREADABLE_POLL_MS = 500;

/** How far a node that lags behind the cursor looks again, in milliseconds. */
export const AHEAD_POLL_MS = 20;

/** One replay on its way up; what `replay.ts` does step by step. */
export class Climb {
  replayed = 0;
  origin: ReplayOrigin = "journal";
  readonly #context: ReplayContext;
  readonly #target: ReplayTarget;
  readonly #at: PositionVector;
  readonly #place: ReplayPlace;
  readonly #signal: AbortSignal;
  readonly #cursor: CursorWriter;
  readonly #chase = new Chase();
  /** Events and bytes that count towards the limits; from 0 again when the rest was given up. */
  #events = 0;
  #bytes = 0;
  #waitEndsAtMs: number | undefined;
  /** Since when the log itself could not be read; `undefined` when it was, the last time. */
  #unreadableSinceMs: number | undefined;
  #filledBreaks = 0;
  /** From here on every frame of the journal carries a cursor that is at or above this client's. */
  #sharesCursors = false;

  constructor(
    context: ReplayContext,
    target: ReplayTarget,
    at: PositionVector,
    place: ReplayPlace,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#target = target;
    this.#at = at;
    this.#place = place;
    this.#signal = signal;
    this.#cursor = new CursorWriter(at);
  }

  nextStep(): ClimbStep {
    const { journal, limits } = this.#context;
    if (this.#events > limits.maxEvents || this.#bytes > limits.maxBytes) return { kind: "too-much" };
    let hole: ClimbStep | undefined;
    let toScan = 0n;
    for (const [sourceIndex, source] of journal.positions.sources.entries()) {
      if (this.#at.sources[sourceIndex]?.epoch !== source.epoch) return { kind: "epoch", sourceIndex };
      if (this.#aheadPartitions(sourceIndex).length > 0) return { kind: "ahead", sourceIndex };
      for (const [partition, head] of source.next.entries()) {
        const next = this.#at.next(sourceIndex, partition) ?? 0n;
        const floor = journal.floor(sourceIndex, partition) ?? head;
        if (next >= floor) continue;
        if (source.format === "integer") toScan += floor - next;
        const ends = [sourceIndex, partition, next, floor, head] as const;
        hole ??= { kind: "history", sourceIndex, partition, to: this.#chase.aim(...ends), head };
      }
    }
    if (toScan > BigInt(limits.maxScannedRecords)) return { kind: "too-much" };
    if (hole !== undefined) return hole;
    return { kind: journal.hasMoreThan(limits.maxEvents - this.#events, this.#target, this.#at) ? "too-much" : "page" };
  }

  /** Takes one page of the journal; true when it was the last, up to the head of this very moment. */
  takePage(): boolean {
    const { journal, limits } = this.#context;
    const maxFrames = limits.pageFrames ?? PAGE_FRAMES;
    const { frames, isHead } = journal.read(this.#target, this.#at, maxFrames);
    const page = firstPage(frames, maxFrames);
    const own = page.filter((frame) => !this.#sharesCursor(frame));
    this.#offer(encodePage(page, own.map((frame) => this.#pass(frame))));
    if (isHead && page.length === frames.length) {
      this.#cursor.raiseTo(journal.positions);
      return true;
    }
    const last = page.at(-1);
    if (last !== undefined) this.#cursor.raiseTo(this.#positionsOf(last));
    return false;
  }

  /**
   * Takes what is next of a partition's past from the first rung that can prove it; what none can is a gap. A log that does
   * not answer proves nothing: it is asked again for a while, for most outages are short and lose nothing.
   */
  async takeStretch({ sourceIndex, partition, to, head }: Extract<ClimbStep, { kind: "history" }>): Promise<void> {
    const rungs = this.#context.histories[sourceIndex]?.rungs ?? [];
    const from = this.#at.next(sourceIndex, partition) ?? 0n;
    const epoch = this.#at.sources[sourceIndex]?.epoch ?? "";
    let end = to;
    let gap = unreadable(partition, from, end);
    for (const rung of rungs) {
      const stretch = await this.#read(rung, { epoch, partition, from, to: end, head });
      if (rung === rungs.at(-1) && this.#isToBeAskedAgain(stretch)) {
        await new Promise((resolve) => setTimeout(resolve, UNREADABLE_POLL_MS));
        return this.#signal.throwIfAborted();
      }
      if (stretch !== undefined && stretch.gap === undefined) {
        // Whoever shared this read goes on at this very moment too.
        await this.#place.turn();
        this.#signal.throwIfAborted();
        return this.#takeFrames(sourceIndex, partition, rung.origin, stretch);
      }
      gap = stretch?.gap ?? unreadable(partition, from, end);
      // Only the break is the next rung's: behind it this one goes on.
      if (rung !== rungs.at(-1) && this.#filledBreaks++ < MAX_FILLED_BREAKS) end = gap.next;
    }
    const { next, reason, lost } = gap;
    this.#announce(sourceIndex, { partition, from, next, reason, lost, resync: true });
  }

  #isToBeAskedAgain(stretch: SharedStretch | undefined): boolean {
    if (stretch !== undefined) this.#unreadableSinceMs = undefined;
    else this.#unreadableSinceMs ??= performance.now();
    const sinceMs = this.#unreadableSinceMs;
    return sinceMs !== undefined && performance.now() - sinceMs < this.#context.limits.maxUnreadableMs;
  }

  /** As much of a stretch as one turn may hand out; what is left is read again, by then mostly from what is kept of it. */
  #takeFrames(sourceIndex: number, partition: number, origin: ReplayOrigin, stretch: SharedStretch): void {
    const { limits } = this.#context;
    if (stretch.sinceMs !== undefined && Date.now() - stretch.sinceMs > (limits.maxAgeMs ?? Number.POSITIVE_INFINITY)) {
      return this.giveUp();
    }
    if (DEPTHS.indexOf(origin) > DEPTHS.indexOf(this.origin)) this.origin = origin;
    // Those of this moment: what was granted when the read began may have been withdrawn meanwhile.
    const { scopes } = this.#target;
    const wanted = onePerRecord(stretch.framesOf(scopes).filter((frame) => this.#target.accepts(frame)), scopes);
    const page = firstPage(wanted, limits.pageFrames ?? PAGE_FRAMES);
    this.#offer(encodePage(page, page.map((frame) => this.#pass(frame))));
    if (page.length === wanted.length) this.#cursor.advance(sourceIndex, partition, stretch.next);
    this.#sharesCursors = false;
  }

  /**
   * The cursor is beyond what this node has read. Another node may be further, or know a partition that was added: wait
   * for a moment. Beyond the log's own end the cursor is from another world: say so, and go on from here.
   */
  async waitForNode(sourceIndex: number): Promise<void> {
    const { journal, histories, limits } = this.#context;
    // One wait for all sources and partitions: the rest of the stream waits with it.
    this.#waitEndsAtMs ??= performance.now() + limits.maxAheadWaitMs;
    const epoch = this.#at.sources[sourceIndex]?.epoch;
    const bounds = await histories[sourceIndex]?.bounds();
    if (bounds?.epoch === epoch) {
      const beyond = this.#aheadPartitions(sourceIndex).filter((partition) =>
        (this.#at.next(sourceIndex, partition) ?? 0n) > (bounds?.partitions.get(partition)?.next ?? 0n)
      );
      this.#announceAhead(sourceIndex, beyond, bounds?.partitions.size ?? 0);
    }
    const isSameLog = () => journal.positions.sources[sourceIndex]?.epoch === epoch;
    while (isSameLog() && this.#aheadPartitions(sourceIndex).length > 0) {
      if (performance.now() >= this.#waitEndsAtMs) {
        return this.#announceAhead(sourceIndex, this.#aheadPartitions(sourceIndex), bounds?.partitions.size ?? 0);
      }
      await new Promise((resolve) => setTimeout(resolve, AHEAD_POLL_MS));
      this.#signal.throwIfAborted();
    }
  }

  /** The log was created anew while the client was climbing. */
  enterEpoch(sourceIndex: number): void {
    const ours = this.#at.sources[sourceIndex];
    const node = this.#context.journal.positions.sources[sourceIndex];
    if (ours === undefined || node === undefined) return;
    ours.epoch = node.epoch;
    ours.next = [...node.next];
    this.#cursor.rebuild(sourceIndex);
    this.#sharesCursors = false;
    for (const gap of epochGaps(node)) {
      // An epoch is the whole source's: only behind the last partition's gap is a cursor of the new one true.
      const isLast = gap.partition === node.next.length - 1;
      this.#target.announce(gap, isLast ? this.#cursor.text() : undefined);
    }
  }

  /** More than one reconnect may replay: told at once, for every partition, then live. */
  giveUp(): void {
    const { journal } = this.#context;
    for (const [sourceIndex, source] of journal.positions.sources.entries()) {
      for (const [partition, head] of source.next.entries()) {
        const from = this.#at.next(sourceIndex, partition) ?? 0n;
        if (from >= head) continue;
        this.#announce(sourceIndex, { partition, from, next: head, reason: "replay-limit", lost: null, resync: true });
      }
    }
    this.#events = 0;
    this.#bytes = 0;
  }

  #offer(page: Page): void {
    const { frames, chunk } = page;
    if (frames.length === 0) return;
    const events = frames.reduce((sum, { scope }) => scope === null ? sum : sum + 1, 0);
    this.replayed += events;
    this.#events += events;
    this.#bytes += chunk.length;
    this.#place.hold(chunk.length);
    this.#target.offer(page);
  }

  #pass({ sourceIndex, partition, offset }: Frame): string {
    return this.#cursor.pass(sourceIndex, partition, offset);
  }

  /** Partitions in which the climb stands beyond what this node has read. */
  #aheadPartitions(sourceIndex: number): readonly number[] {
    const ours = this.#at.sources[sourceIndex]?.next ?? [];
    const { positions } = this.#context.journal;
    return [...ours.keys()].filter((partition) =>
      (ours[partition] ?? 0n) > (positions.next(sourceIndex, partition) ?? 0n)
    );
  }

  /** @param known how many partitions the log has: what a cursor names beyond them is told once, not a partition at a time */
  #announceAhead(sourceIndex: number, partitions: readonly number[], known: number): void {
    const { positions } = this.#context.journal;
    const count = Math.max(known, positions.sources[sourceIndex]?.next.length ?? 0);
    const firstUnknown = partitions.find((partition) => partition >= count);
    if (firstUnknown !== undefined) {
      this.#at.sources[sourceIndex]?.next.splice(count);
      this.#cursor.rebuild(sourceIndex);
    }
    for (const partition of partitions) {
      if (partition >= count && partition !== firstUnknown) continue;
      const head = positions.next(sourceIndex, partition) ?? 0n;
      this.#announce(sourceIndex, { partition, from: head, next: head, reason: "ahead", lost: null, resync: true });
    }
  }

  #announce(sourceIndex: number, gap: Omit<Gap, "source">): void {
    const source = this.#at.sources[sourceIndex];
    if (source === undefined) return;
    this.#cursor.advance(sourceIndex, gap.partition, gap.next);
    this.#target.announce({ source: source.source, ...gap }, this.#cursor.text());
    this.#sharesCursors = false;
  }

  /**
   * A journal frame's own cursor is this node's at that moment. A client that comes from a node which had read
   * further in some partition must not be set back there: until the journal has passed its position everywhere, its
   * frames carry its own cursor.
   */
  #sharesCursor(frame: Frame): boolean {
    return this.#sharesCursors ||= this.#positionsOf(frame).reaches(this.#at);
  }

  #positionsOf(frame: Frame): PositionVector {
    const { sources } = this.#at;
    const parsed = parseCursor(cursorOf(frame), sources);
    if (parsed.kind !== "cursor") throw new Error("Cannot read a cursor of the journal's own: it is not one");
    return new PositionVector(sources.map((source, sourceIndex) => {
      const said = parsed.sources[sourceIndex];
      return { ...source, next: said?.kind === "positions" ? said.next.map((next) => next ?? 0n) : [] };
    }));
  }

  /** `undefined` when it cannot be read at all: its owner logs why. */
  async #read(rung: Rung, wish: StretchWish): Promise<SharedStretch | undefined> {
    try {
      return await rung.passes.read(wish, this.#signal);
    } catch {
      this.#signal.throwIfAborted();
      return undefined;
    }
  }
}

function unreadable(partition: number, from: Offset, next: Offset): NonNullable<SharedStretch["gap"]> {
  return { kind: "gap", partition, from, next, reason: "source-reset", lost: null };
}
