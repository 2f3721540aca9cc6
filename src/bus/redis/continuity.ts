import type { Offset } from "../../model/position.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { arrayOf, idBefore } from "./stream_entry.ts";
import { firstOffset, type StreamFacts } from "./stream_facts.ts";

/**
 * How many entries had ever been added before a reader's position. Counted on while reading, it holds as long as no
 * entry from `since` on is deleted one by one: a reader would not see such an entry.
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
 * one. It holds while nothing from the anchor on was deleted one by one.
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
  const { added, length, maxDeleted } = facts;
  const first = firstOffset(facts);
  if (first <= position) return 0;
  if (added === null || maxDeleted === null) return null;
  if (added === length) return 0;
  if (anchor === undefined || maxDeleted >= anchor.since) return null;
  const addedBeforeFirst = added - length;
  const firstRead = read[0] ?? first;
  if (firstRead > first) return null;
  if (firstRead === first) return addedBeforeFirst - anchor.added;
  // Trimming went on after the read. Only while it has not passed all that was read is the number before it certain.
  const lastRead = read.at(-1) ?? first;
  if (lastRead < first) return null;
  return addedBeforeFirst - read.filter((offset) => offset < first).length - anchor.added;
}
