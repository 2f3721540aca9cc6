import { formatOffset, type Offset, offsetOfEntry } from "../../model/position.ts";
import type { RedisConnection } from "./redis_connection.ts";
import { RedisFailure } from "./redis_failure.ts";
import { arrayOf, offsetOfReply, textOf } from "./stream_entry.ts";

/** What one stream says of itself at one moment. */
export interface StreamFacts {
  /** Identity of this incarnation of the stream, see {@link MARKER_GROUP}; `null` when there is none and none can be set. */
  readonly marker: string | null;
  /** The first entry; `null` when the stream is empty. */
  readonly first: Offset | null;
  /** The largest ID it ever gave, 0 for a stream that never had an entry. */
  readonly last: Offset;
  readonly length: number;
  /** Entries ever added, trimmed and deleted ones included; `null` before Redis 7. */
  readonly added: number | null;
  /** The largest ID that XDEL took; trimming leaves it as it is. `null` before Redis 7. */
  readonly maxDeleted: Offset | null;
}

/**
 * A consumer group that nobody consumes with: its last-delivered ID is 127 random bits, made with the group.
 *
 * It is the one mark that lives and dies with the stream: it survives restarts, failovers and trimming, goes with DEL,
 * FLUSHALL and a restart without the data, needs no second key, and XGROUP CREATE lets exactly one of many nodes set it.
 * The ID lies beyond any entry, so that trimming with ACKED never waits for this group.
 */
export const MARKER_GROUP = "tidegate:epoch";

/**
 * Reads the facts, and marks a stream (which then exists, empty) that has no mark yet. A node that may only read goes
 * without until another one has set it.
 *
 * @throws RedisFailure
 */
export async function readStreamFacts(connection: RedisConnection, key: string): Promise<StreamFacts> {
  const facts = await readOnce(connection, key);
  if (facts.marker !== null || !await setMarker(connection, key)) return facts;
  return await readOnce(connection, key);
}

/** Where reading from the first record begins. */
export function firstOffset(facts: StreamFacts): Offset {
  return facts.first ?? facts.last + 1n;
}

/** Mark and numbers in one transaction: together they are of one incarnation. */
async function readOnce(connection: RedisConnection, key: string): Promise<StreamFacts> {
  const [groups, stream] = await connection.transaction([["xinfo", "GROUPS", key], ["xinfo", "STREAM", key]]);
  if (stream instanceof RedisFailure) {
    if (!stream.message.startsWith("ERR no such key")) throw stream;
    return { marker: null, first: null, last: 0n, length: 0, added: 0, maxDeleted: 0n };
  }
  if (groups instanceof RedisFailure) throw groups;
  const facts = pairsOf(stream);
  const first = facts.get("first-entry");
  const added = facts.get("entries-added");
  const maxDeleted = facts.get("max-deleted-entry-id");
  return {
    marker: markerOf(groups),
    first: Array.isArray(first) ? offsetOfReply(first[0]) : null,
    last: offsetOfReply(facts.get("last-generated-id")),
    length: Number(facts.get("length")),
    added: added === undefined ? null : Number(added),
    maxDeleted: maxDeleted === undefined ? null : offsetOfReply(maxDeleted),
  };
}

function markerOf(groups: unknown): string | null {
  for (const group of arrayOf(groups)) {
    const facts = pairsOf(group);
    if (textOf(facts.get("name")) === MARKER_GROUP) return textOf(facts.get("last-delivered-id"));
  }
  return null;
}

/** Whether there is a mark now, this node's or another's. */
async function setMarker(connection: RedisConnection, key: string): Promise<boolean> {
  try {
    await connection.send(["xgroup", "CREATE", key, MARKER_GROUP, randomMarker(), "MKSTREAM"]);
    return true;
  } catch (error) {
    if (!(error instanceof RedisFailure) || error.kind !== "refused") throw error;
    if (error.code === "BUSYGROUP") return true;
    if (["READONLY", "NOPERM", "NOREPLICAS", "OOM", "MISCONF"].includes(error.code)) return false;
    throw error;
  }
}

function randomMarker(): string {
  const [milliseconds = 0n, sequence = 0n] = crypto.getRandomValues(new BigUint64Array(2));
  return formatOffset(offsetOfEntry(milliseconds | (1n << 63n), sequence), "ms-seq");
}

function pairsOf(reply: unknown): Map<string, unknown> {
  const flat = arrayOf(reply);
  const pairs = new Map<string, unknown>();
  for (let index = 0; index + 1 < flat.length; index += 2) pairs.set(textOf(flat[index]), flat[index + 1]);
  return pairs;
}
