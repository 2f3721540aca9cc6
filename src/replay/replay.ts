import type { Gap } from "../model/gap.ts";
import type { Offset } from "../model/position.ts";
import type { PositionVector } from "../model/position_vector.ts";
import type { ReplayOrigin } from "../wire/control_events.ts";
import { CursorWriter, parseCursor } from "../wire/cursor.ts";
import { cursorOf, type Frame, withCursor } from "../wire/frame.ts";
import type { Journal, Selection } from "./journal.ts";
import type { SharedPasses, Stretch } from "./shared_passes.ts";

/*
 * How a client that comes back is brought to the head, whatever lies between.
 *
 * A replay is a position vector that climbs: below a partition's floor in the journal it is carried by stretches
 * read from the source's history, above all floors by pages of the journal. Each step is taken anew from where the vector
 * stands, so nothing depends on what was true before a wait: if the journal has moved on meanwhile, the next step is
 * one more stretch. A stretch that cannot be read is a gap, told at its place, and the vector stands behind it.
 *
 * The last step is synchronous: a page that reaches the head and `onHead`, which joins the live cohort, run in one
 * turn. No event can fall between, none can come twice.
 */

/** Who is being brought to the head. */
export interface ReplayTarget extends Selection {
  /** Takes frames, in order. */
  offer(frames: readonly Frame[]): void;
  /** Takes a gap, before any later event of its partition; `cursor` is the stream's behind it. */
  announce(gap: Gap, cursor: string): void;
  /** Resolves when the send queue has room for another page; rejects when the stream has ended. */
  room(): Promise<void>;
}

/** What a replay works with; the same for all clients of a node. */
export interface ReplayContext {
  readonly journal: Journal;
  /** One for each source, by its index. */
  readonly histories: readonly ReplayHistory[];
  readonly limits: ReplayLimits;
}

/** A source's past beyond the journal. */
export interface ReplayHistory {
  readonly origin: Exclude<ReplayOrigin, "journal">;
  readonly passes: SharedPasses;
  /** The offset after the last record of a partition, asked of the log itself; `undefined` when it cannot be asked. */
  end(partition: number): Promise<Offset | undefined>;
}

/** Limits of one client's replay. */
export interface ReplayLimits {
  /** Events; a client that missed more reads its state anew instead. */
  readonly maxEvents: number;
  /** Bytes of frames. */
  readonly maxBytes: number;
  /** Records read from the history of all partitions together, wanted or not: the bus's cost has a limit too. */
  readonly maxScannedRecords: number;
  /** Milliseconds that a node which has not read as far as the cursor waits until it has. */
  readonly maxAheadWaitMs: number;
}

/** Frames of one journal page: about 64 KiB of usual events, so that one client never holds the loop. */
const PAGE_FRAMES = 256;

/** How far a node that lags behind the cursor looks again, in milliseconds. */
const AHEAD_POLL_MS = 20;

/**
 * Brings the target from `at` to the head; `at` climbs with it.
 *
 * @param onHead runs in the same turn as the look at the journal's head that found nothing more
 * @param signal the stream's end
 */
export async function replay(
  context: ReplayContext,
  target: ReplayTarget,
  at: PositionVector,
  onHead: (replayed: number, origin: ReplayOrigin) => void,
  signal: AbortSignal,
): Promise<void> {
  const climb = new Climb(context, target, at, signal);
  for (;;) {
    const step = climb.nextStep();
    if (step.kind === "page" && climb.takePage()) return onHead(climb.replayed, climb.origin);
    if (step.kind === "history") await climb.takeStretch(step.sourceIndex, step.partition, step.to);
    if (step.kind === "ahead") await climb.waitForNode(step.sourceIndex, step.partition, step.next);
    if (step.kind === "epoch") climb.enterEpoch(step.sourceIndex);
    if (step.kind === "too-much") climb.giveUp();
    else await target.room();
  }
}

type Step =
  | { readonly kind: "page" }
  | { readonly kind: "history"; readonly sourceIndex: number; readonly partition: number; readonly to: Offset }
  | { readonly kind: "ahead"; readonly sourceIndex: number; readonly partition: number; readonly next: Offset }
  | { readonly kind: "epoch"; readonly sourceIndex: number }
  | { readonly kind: "too-much" };

class Climb {
  replayed = 0;
  origin: ReplayOrigin = "journal";
  readonly #context: ReplayContext;
  readonly #target: ReplayTarget;
  readonly #at: PositionVector;
  readonly #signal: AbortSignal;
  readonly #cursor: CursorWriter;
  #bytes = 0;
  /** From here on every frame of the journal carries a cursor that is at or above this client's. */
  #sharesCursors = false;

  constructor(context: ReplayContext, target: ReplayTarget, at: PositionVector, signal: AbortSignal) {
    this.#context = context;
    this.#target = target;
    this.#at = at;
    this.#signal = signal;
    this.#cursor = new CursorWriter(at);
  }

  nextStep(): Step {
    const { journal, limits } = this.#context;
    if (this.replayed > limits.maxEvents || this.#bytes > limits.maxBytes) return { kind: "too-much" };
    let hole: Step | undefined;
    let toScan = 0n;
    for (const [sourceIndex, source] of journal.positions.sources.entries()) {
      if (this.#at.sources[sourceIndex]?.epoch !== source.epoch) return { kind: "epoch", sourceIndex };
      for (const [partition, head] of source.next.entries()) {
        const next = this.#at.next(sourceIndex, partition) ?? 0n;
        if (next > head) return { kind: "ahead", sourceIndex, partition, next };
        const floor = journal.floor(sourceIndex, partition) ?? head;
        if (next >= floor) continue;
        if (source.format === "integer") toScan += floor - next;
        hole ??= { kind: "history", sourceIndex, partition, to: floor };
      }
    }
    if (toScan > BigInt(limits.maxScannedRecords)) return { kind: "too-much" };
    if (hole !== undefined) return hole;
    const more = this.replayed + journal.countAfter(this.#target, this.#at);
    return more > limits.maxEvents ? { kind: "too-much" } : { kind: "page" };
  }

  /** Takes one page of the journal; true when it was the last, up to the head of this very moment. */
  takePage(): boolean {
    const { journal } = this.#context;
    const page = journal.read(this.#target, this.#at, PAGE_FRAMES);
    this.#offer(page.frames.map((frame) => this.#ownCursor(frame)));
    if (page.isHead) {
      this.#at.raiseTo(journal.positions);
      return true;
    }
    const last = page.frames.at(-1);
    if (last !== undefined) this.#at.raiseTo(this.#positionsOf(last));
    return false;
  }

  async takeStretch(sourceIndex: number, partition: number, to: Offset): Promise<void> {
    const history = this.#context.histories[sourceIndex];
    const from = this.#at.next(sourceIndex, partition) ?? 0n;
    const stretch = await this.#readHistory(history, partition, from, to);
    if (stretch.gap !== undefined) {
      const { next, reason, lost } = stretch.gap;
      return this.#announce(sourceIndex, { partition, from, next, reason, lost, resync: true });
    }
    this.origin = history?.origin ?? "bus";
    const wanted = stretch.frames.filter((frame) => this.#wants(frame));
    this.#offer(
      onePerRecord(wanted).map((frame) => withCursor(frame, this.#cursor.pass(sourceIndex, partition, frame.offset))),
    );
    this.#cursor.advance(sourceIndex, partition, stretch.next);
    this.#sharesCursors = false;
  }

  /**
   * The cursor is beyond what this node has read. Another node may be further: wait for a moment. Beyond the log's
   * own end it is from another world: say so, and go on from here.
   */
  async waitForNode(sourceIndex: number, partition: number, next: Offset): Promise<void> {
    const { journal, histories, limits } = this.#context;
    const end = await histories[sourceIndex]?.end(partition);
    const giveUpAtMs = performance.now() + limits.maxAheadWaitMs;
    const head = () => journal.positions.next(sourceIndex, partition) ?? next;
    while (end !== undefined && next <= end && head() < next && performance.now() < giveUpAtMs) {
      await new Promise((resolve) => setTimeout(resolve, AHEAD_POLL_MS));
      this.#signal.throwIfAborted();
    }
    if (head() >= next) return;
    const gap = { partition, from: head(), next: head(), reason: "ahead", lost: null, resync: true } as const;
    this.#announce(sourceIndex, gap);
  }

  /** The log was created anew while the client was climbing. */
  enterEpoch(sourceIndex: number): void {
    const ours = this.#at.sources[sourceIndex];
    const node = this.#context.journal.positions.sources[sourceIndex];
    if (ours === undefined || node === undefined) return;
    ours.epoch = node.epoch;
    ours.next = [...node.next];
    this.#cursor.rebuild(sourceIndex);
    for (const [partition, next] of node.next.entries()) {
      this.#announce(sourceIndex, { partition, from: 0n, next, reason: "epoch", lost: null, resync: true });
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
    this.replayed = 0;
    this.#bytes = 0;
  }

  #offer(frames: readonly Frame[]): void {
    if (frames.length === 0) return;
    this.replayed += frames.length;
    for (const frame of frames) this.#bytes += frame.bytes.length;
    this.#target.offer(frames);
  }

  #announce(sourceIndex: number, gap: Omit<Gap, "source">): void {
    const source = this.#at.sources[sourceIndex];
    if (source === undefined) return;
    this.#cursor.advance(sourceIndex, gap.partition, gap.next);
    this.#target.announce({ source: source.source, ...gap }, this.#cursor.text());
    this.#sharesCursors = false;
  }

  #wants(frame: Frame): boolean {
    if (frame.scope === null) return true;
    return this.#target.scopes.includes(frame.scope) && this.#target.accepts(frame);
  }

  /**
   * A journal frame's own cursor is this node's at that moment. A client that comes from a node which had read
   * further in some partition must not be set back there: until the journal has passed its position everywhere, its
   * frames carry its own cursor.
   */
  #ownCursor(frame: Frame): Frame {
    if (this.#sharesCursors) return frame;
    if (this.#positionsOf(frame).reaches(this.#at)) {
      this.#sharesCursors = true;
      return frame;
    }
    return withCursor(frame, this.#cursor.pass(frame.sourceIndex, frame.partition, frame.offset));
  }

  #positionsOf(frame: Frame): PositionVector {
    const positions = this.#at.clone();
    const parsed = parseCursor(cursorOf(frame), positions.sources);
    if (parsed.kind !== "cursor") throw new Error("Cannot read a cursor of the journal's own: it is not one");
    for (const [sourceIndex, said] of parsed.sources.entries()) {
      for (const partition of positions.sources[sourceIndex]?.next.keys() ?? []) {
        positions.set(sourceIndex, partition, (said.kind === "positions" ? said.next[partition] : undefined) ?? 0n);
      }
    }
    return positions;
  }

  async #readHistory(
    history: ReplayHistory | undefined,
    partition: number,
    from: Offset,
    to: Offset,
  ): Promise<Stretch> {
    if (history === undefined) return unreadable(partition, from, to);
    try {
      return await history.passes.read(partition, from, to, this.#signal);
    } catch {
      // The log is down or refuses: its owner logs that. For this client it is history that cannot be read.
      this.#signal.throwIfAborted();
      return unreadable(partition, from, to);
    }
  }
}

function unreadable(partition: number, from: Offset, next: Offset): Stretch {
  return { from, next, frames: [], gap: { kind: "gap", partition, from, next, reason: "source-reset", lost: null } };
}

function onePerRecord(frames: readonly Frame[]): readonly Frame[] {
  return frames.filter((frame, index) => frame.offset !== frames[index - 1]?.offset);
}
