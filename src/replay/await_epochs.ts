import type { SourceCursor } from "../wire/cursor.ts";
import { AHEAD_POLL_MS } from "./climb.ts";
import type { ReplayContext } from "./replay.ts";

/**
 * A cursor of another epoch than this node's is of an older log, or of a newer one that another node has met already. The
 * log itself knows: unless it still is the one that this node follows, this waits for a moment until the node has noticed.
 *
 * @param said one for each source, in the journal's order
 */
export async function awaitEpochs(
  { journal, histories, limits }: ReplayContext,
  said: readonly SourceCursor[],
  signal: AbortSignal,
): Promise<void> {
  const waitEndsAtMs = performance.now() + limits.maxAheadWaitMs;
  const epochOf = (sourceIndex: number) => journal.positions.sources[sourceIndex]?.epoch;
  for (const [sourceIndex, cursor] of said.entries()) {
    if (cursor.kind !== "other-epoch") continue;
    const epoch = epochOf(sourceIndex);
    const bounds = await histories[sourceIndex]?.bounds();
    if (bounds?.epoch === epoch) continue;
    while (epochOf(sourceIndex) === epoch && performance.now() < waitEndsAtMs) {
      await new Promise((resolve) => setTimeout(resolve, AHEAD_POLL_MS));
      signal.throwIfAborted();
    }
  }
}
