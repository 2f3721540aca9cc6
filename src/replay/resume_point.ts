import type { Gap, GapReason } from "../model/gap.ts";
import type { Offset } from "../model/position.ts";
import type { PositionVector } from "../model/position_vector.ts";
import type { SourceCursor } from "../wire/cursor.ts";

/** Where a returning client is taken up, and what it must be told at once. */
export interface ResumePoint {
  readonly at: PositionVector;
  readonly gaps: readonly Gap[];
}

/**
 * Turns what a cursor says of each source into positions in every partition that is followed now. Where it says
 * nothing that can be used, the client is taken up at the head and told so.
 *
 * @param said one for each source of `head`, in its order
 * @param head how far this node has read
 */
export function resumePoint(said: readonly SourceCursor[], head: PositionVector): ResumePoint {
  const at = head.clone();
  const gaps: Gap[] = [];
  for (const [sourceIndex, source] of head.sources.entries()) {
    const cursor = said[sourceIndex] ?? { kind: "absent" };
    for (const [partition, headNext] of source.next.entries()) {
      const start = startOf(cursor, partition);
      if (start.kind === "offset") at.set(sourceIndex, partition, start.next);
      else gaps.push(unknownRange(source.source, partition, headNext, start.reason));
    }
    if (cursor.kind !== "positions") continue;
    // Another node may know a partition that was added before this one does.
    for (const [partition, next] of cursor.next.entries()) {
      if (partition >= source.next.length) at.set(sourceIndex, partition, next ?? 0n);
    }
  }
  return { at, gaps };
}

type Start = { readonly kind: "offset"; readonly next: Offset } | { readonly kind: "gap"; readonly reason: GapReason };

function startOf(cursor: SourceCursor, partition: number): Start {
  switch (cursor.kind) {
    case "other-epoch":
      return { kind: "gap", reason: "epoch" };
    case "absent":
      return { kind: "gap", reason: "source-reset" };
    case "positions": {
      const next = cursor.next[partition];
      if (next !== undefined) return { kind: "offset", next };
      // A partition beyond those that the cursor knew was added since: all of it is new to this client. A hole inside
      // is a cursor typed by hand, which names one partition only.
      return partition >= cursor.next.length && cursor.next.every((known) => known !== undefined)
        ? { kind: "offset", next: 0n }
        : { kind: "gap", reason: "invalid-cursor" };
    }
  }
}

function unknownRange(source: string, partition: number, headNext: Offset, reason: GapReason): Gap {
  return { source, partition, from: 0n, next: headNext, reason, lost: null, resync: true };
}
