import type { Offset } from "../../model/position.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { arrayOf, idBefore } from "./stream_entry.ts";
import { firstOffset, type StreamFacts } from "./stream_facts.ts";

/**
 * How many entries had ever been added before a reader's position, counted on while it reads. It is exact as long as no
 * entry from `since` on is deleted one by one before the reader sees it, and too small otherwise.
 */
export interface Anchor {
  readonly since: Offset;
  readonly added: number;
}

/** The anchor of every position up to the first possible entry ID, 0-1. */
export const ORIGIN: Anchor = { since: 1n, added: 0 };

/**
 * Whether nothing can have been trimmed between the position and the record that a read from there gave first.
 *
 * Trimming takes from the front only. So an entry older than the position, still there after the read, proves that
 * everything from the position on was there during the read; and so does the record at the position itself. What was
 * deleted one by one (XDEL) is a hole, not a loss.
 */
export async function isIntact(
  connection: RedisConnection,
  key: string,
  position: Offset,
  firstRead: Offset | undefined,
): Promise<boolean> {
  if (firstRead === position) return true;
  const older = await connection.send(["xrange", key, "-", idBefore(position), "COUNT", 1]);
  return arrayOf(older).length > 0;
}

/**
 * How many records were trimmed away between the position and what can be read from there: 0 when it is proved that
 * there were none, `null` when nobody can know. The facts are newer than the read.
 *
 * The proof is the stream's own count of entries ever added: all that are no longer there were added before the first
 * one. Entries deleted one by one can only make the number too large, so 0 is a proof even then.
 *
 * @param anchor of the position, when it has one
 * @param read offsets that a read from the position gave, in order; none: it gave nothing, or there was none
 */
export function lostBefore(
  position: Offset,
  read: readonly Offset[],
  facts: StreamFacts,
  anchor: Anchor | undefined,
): number | null {
  const { added, length, maxDeleted, marker } = facts;
  const first = firstOffset(facts);
  if (first <= position) return 0;
  if (added === null || maxDeleted === null) return null;
  const addedBeforeFirst = added - length;
  // Without a mark the stream may be another one than the position's, of which nothing has been trimmed yet.
  if (addedBeforeFirst === 0 && marker !== null) return 0;
  if (anchor === undefined) return null;
  const firstRead = read[0] ?? first;
  const lastRead = read.at(-1) ?? first;
  // Trimming may have gone on after the read. While it has not passed all that was read, what was read counts.
  if (firstRead > first || lastRead < first) return null;
  const lost = addedBeforeFirst - read.filter((offset) => offset < first).length - anchor.added;
  if (lost === 0) return 0;
  // Deleted ones that the reader never saw count as added and never as read: the true number may be smaller.
  return lost < 0 || maxDeleted >= anchor.since ? null : lost;
}
