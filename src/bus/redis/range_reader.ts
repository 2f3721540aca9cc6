import type { RangeEvent } from "../../model/bus_record.ts";
import { formatOffset, type Offset } from "../../model/position.ts";
import { isIntact, lostBefore, ORIGIN } from "./continuity.ts";
import { PageSize } from "./page_size.ts";
import type { EntryFields } from "./redis_bus_options.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { entriesOfReply, recordOfEntry, type StreamEntry } from "./stream_entry.ts";
import { firstOffset, readStreamFacts } from "./stream_facts.ts";

/** Which part of which stream. */
export interface StreamRange {
  readonly key: string;
  readonly partition: number;
  readonly from: Offset;
  readonly to: Offset;
}

/** Reads a stream's range page by page, each proved to join the one before. `connection` is asked for each page. */
export async function* readStreamRange(
  connect: () => Promise<RedisConnection>,
  { key, partition, from, to }: StreamRange,
  fields: EntryFields,
): AsyncGenerator<RangeEvent> {
  const { last } = await readStreamFacts(await connect(), key);
  const end = to <= last + 1n ? to : last + 1n;
  const pageSize = new PageSize();
  let position = from;
  while (position < end) {
    const connection = await connect();
    const { entries: count } = pageSize;
    const page = entriesOfReply(await connection.send(["xrange", key, idOf(position), idOf(end - 1n), "COUNT", count]));
    pageSize.learn(page);
    const gap = await gapBefore(connection, { key, partition, from: position, to: end }, page);
    if (gap !== undefined) {
      position = gap.next;
      yield gap;
    }
    if (position === end) break;
    // Fewer than asked for: there is no more up to the end.
    const next = page.length < count ? end : (page.at(-1)?.offset ?? end) + 1n;
    const records = page.map((entry) => recordOfEntry(entry, fields));
    position = next;
    yield { kind: "records", partition, records, next };
  }
  if (end < to) {
    const beyond = from > end ? from : end;
    if (beyond < to) yield { kind: "gap", partition, from: beyond, next: to, reason: "ahead", lost: null };
  }
}

async function gapBefore(
  connection: RedisConnection,
  { key, partition, from, to }: StreamRange,
  page: readonly StreamEntry[],
): Promise<Extract<RangeEvent, { kind: "gap" }> | undefined> {
  const offsets = page.map(({ offset }) => offset);
  if (await isIntact(connection, key, from, offsets[0])) return undefined;
  const facts = await readStreamFacts(connection, key);
  const lost = lostBefore(from, offsets, facts, from <= ORIGIN.since ? ORIGIN : undefined);
  if (lost === 0) return undefined;
  const first = offsets[0] ?? firstOffset(facts);
  const next = first < to ? first : to;
  // What a range lost as a whole held is a part of what the stream lost: its number is not known.
  return { kind: "gap", partition, from, next, reason: "trimmed", lost: next === first ? lost : null };
}

function idOf(offset: Offset): string {
  return formatOffset(offset, "ms-seq");
}
