import type { Offset } from "../../model/position.ts";
import type { LogBounds, PartitionBounds } from "../event_bus.ts";
import { PageSize } from "./page_size.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { entriesOfReply, idBefore } from "./stream_entry.ts";
import { firstOffset, type StreamFacts } from "./stream_facts.ts";

/** The epoch where no mark is and none may be set: only a log that shrank can be told from the one before. */
const UNMARKED_EPOCH = "unmarked";

/**
 * The bounds that the facts of all streams, in their order, amount to. The log's identity is its first stream's: a
 * stream that the configuration adds behind it must not void everybody's positions.
 */
export function boundsOfFacts(
  facts: readonly StreamFacts[],
  tails: ReadonlyMap<number, Offset> = new Map(),
): LogBounds {
  const partitions = facts.map((stream, partition): [number, PartitionBounds] => {
    const next = stream.last + 1n;
    return [partition, { first: firstOffset(stream), tail: tails.get(partition) ?? next, next }];
  });
  return { epoch: facts[0]?.marker ?? UNMARKED_EPOCH, partitions: new Map(partitions) };
}

/**
 * Where the newest records before `next` begin. Redis tells no n-th newest entry, so they are read backwards, a page at
 * a time.
 */
export async function readTail(
  connection: RedisConnection,
  key: string,
  facts: StreamFacts,
  tailRecords: number,
): Promise<Offset> {
  let tail = facts.last + 1n;
  if (tailRecords >= facts.length) return firstOffset(facts);
  const pageSize = new PageSize();
  for (let missing = tailRecords; missing > 0;) {
    const count = Math.min(missing, pageSize.entries);
    const page = entriesOfReply(await connection.send(["xrevrange", key, idBefore(tail), "-", "COUNT", count]));
    tail = page.at(-1)?.offset ?? tail;
    missing -= page.length;
    if (page.length < count) break;
    pageSize.learn(page);
  }
  return tail;
}
