import type { Gap } from "../model/gap.ts";
import type { PositionVector } from "../model/position_vector.ts";
import type { ReplayOrigin } from "../wire/control_events.ts";
import type { Page } from "../wire/page.ts";
import { Climb } from "./climb.ts";
import type { Journal } from "./journal.ts";
import type { HistoryBounds } from "./bus_stretches.ts";
import type { ReplayTurns } from "./replay_turns.ts";
import type { Selection } from "./scope_index.ts";
import type { SharedPasses } from "./shared_passes.ts";

/*
 * How a client that comes back is brought to the head, whatever lies between.
 *
 * A replay is a position vector that climbs: below a partition's floor in the journal it is carried by stretches
 * read from the source's history, above all floors by pages of the journal. Each step is taken anew from where the vector
 * stands, so nothing depends on what was true before a wait: if the journal has moved on meanwhile, the next step is
 * one more stretch. A history is a ladder: what one rung cannot prove complete the next one is asked for; what the last
 * one cannot is a gap, told at its place, and the vector stands behind it.
 *
 * Replays take turns (`replay_turns.ts`): a crowd that comes back at one moment leaves the loop to live delivery.
 *
 * The last step is synchronous: a page that reaches the head and `onHead`, which joins the live cohort, run in one
 * turn. No event can fall between, none can come twice.
 */

/** Who is being brought to the head. */
export interface ReplayTarget extends Selection {
  /** Takes frames, in order. */
  offer(page: Page): void;
  /** Takes a gap, before any later event of its partition; `cursor` is the stream's behind it, see `gapDetected`. */
  announce(gap: Gap, cursor: string | undefined): void;
  /** Resolves when the send queue has room for another page; rejects when the stream has ended. */
  room(): Promise<void>;
}

/** What a replay works with; the same for all clients of a node. */
export interface ReplayContext {
  readonly journal: Journal;
  /** One for each source, by its index. */
  readonly histories: readonly ReplayHistory[];
  readonly limits: ReplayLimits;
  readonly turns: ReplayTurns;
}

/** A source's past beyond the journal. */
export interface ReplayHistory {
  /** In the order in which they are asked; the last one is the log itself. */
  readonly rungs: readonly Rung[];
  /** The log's present epoch and ends; `undefined` when it cannot be asked. */
  bounds(): Promise<HistoryBounds | undefined>;
}

/** One place of a source's past, and its reads that replays share. */
export interface Rung {
  readonly origin: Exclude<ReplayOrigin, "journal">;
  readonly passes: SharedPasses;
}

/** Limits of one client's replay. */
export interface ReplayLimits {
  /** Events; a client that missed more reads its state anew instead. */
  readonly maxEvents: number;
  /** Bytes of frames. */
  readonly maxBytes: number;
  /** Records read from the history of all partitions together, wanted or not: the bus's cost has a limit too. */
  readonly maxScannedRecords: number;
  /** Milliseconds since the first event that was missed, where what is read tells its time; default without end. */
  readonly maxAgeMs?: number;
  /** Milliseconds that a node which has not read as far as the cursor waits until it has. */
  readonly maxAheadWaitMs: number;
  /** Milliseconds that a log which cannot be read is asked again, before what it holds counts as a gap. */
  readonly maxUnreadableMs: number;
  /** Frames handed out in one turn; default 256, smaller in tests. */
  readonly pageFrames?: number;
}

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
  using place = context.turns.enter();
  const climb = new Climb(context, target, at, place, signal);
  // Most who come back are at the head with one page. The first one comes at once, unless others wait already.
  for (let needsTurn = context.turns.isBusy;; needsTurn = true) {
    if (needsTurn) await place.turn();
    signal.throwIfAborted();
    // No await from here to the end of a page: the look at the head and joining are one turn.
    const step = climb.nextStep();
    if (step.kind === "page" && climb.takePage()) return onHead(climb.replayed, climb.origin);
    if (step.kind === "history") await climb.takeStretch(step);
    if (step.kind === "ahead") await climb.waitForNode(step.sourceIndex);
    if (step.kind === "epoch") climb.enterEpoch(step.sourceIndex);
    if (step.kind === "too-much") climb.giveUp();
    else {
      await target.room();
      place.settle();
    }
  }
}
