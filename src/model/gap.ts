import type { Offset } from "./position.ts";
import type { SourcePositions } from "./position_vector.ts";

/**
 * A range of one partition whose completeness cannot be proved: always announced, never papered over.
 * On the wire it is `stream.gap-detected`.
 */
export interface Gap {
  readonly source: string;
  readonly partition: number;
  /** First offset that may be missing. */
  readonly from: Offset;
  /** First offset after the gap: what comes next is complete again from here. */
  readonly next: Offset;
  readonly reason: GapReason;
  /** How many records are missing, or `null` when nobody can know (offsets have honest holes). */
  readonly lost: number | null;
  /** True when the client should read its state anew, because even events that still exist will not be replayed. */
  readonly resync: boolean;
}

/** Why completeness cannot be proved; the words are the wire's. */
export const GAP_REASONS = {
  "retention": "the log no longer has these records (Kafka's retention or record deletion)",
  "trimmed": "the stream was trimmed past them",
  "epoch": "the log was deleted and created anew; older positions mean nothing in it",
  "ahead": "the log ends before the cursor, or was cut back below it: another cluster, a restored backup, or forged",
  "invalid-cursor": "the cursor cannot be read",
  "replay-limit": "more records than one reconnect may replay",
  "source-reset": "the partition or source was not known to the cursor, or its history cannot be read",
} as const satisfies Record<string, string>;

/** A key of {@link GAP_REASONS}. */
export type GapReason = keyof typeof GAP_REASONS;

/** What is to be said of a log that was created anew: each partition from its new beginning up to where reading goes on. */
export function epochGaps({ source, next }: Pick<SourcePositions, "source" | "next">): readonly Gap[] {
  return next.map((offset, partition) => (
    { source, partition, from: 0n, next: offset, reason: "epoch", lost: null, resync: true }
  ));
}
