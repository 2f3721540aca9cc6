import type { StreamEntry } from "../bus/redis/stream_entry.ts";
import type { RedisArgument } from "../bus/redis/redis_connection.ts";
import { isEventName } from "../model/event_name.ts";
import { entryOfOffset, type Offset, parseOffset } from "../model/position.ts";
import { parseScope, type Scope } from "../model/scope.ts";
import { PRIORITIES, type Priority } from "../model/sse_message.ts";
import { joinBytes } from "../wire/frame.ts";
import type { FoundEntry, HistoryEntry, StoredFrame } from "./history_store.ts";

/*
 * An entry of a history in a Redis Stream has four fields:
 *
 * - `f` (from) and `t` (taken in, ms), as decimal text;
 * - `h`, heads: a JSON array with `[offset − from, bytes of the block, scope]` of each frame, and `priority, audience, conflation
 *   key` behind them where one of them is not the usual;
 * - `b`, their blocks without the id lines, one behind the other.
 *
 * All of it was minimised before; nothing else of the records is there.
 */

const decoder = new TextDecoder("utf-8", { fatal: true });

const FIELDS = ["f", "t", "h", "b"];

/** One event's block as `encodeFrame` makes it. Whatever else lies there was not written by a gateway. */
const BLOCK = /^event: ([^\r\n]+)\ndata: [^\r\n]+\n\n$/;

/** The ID of an offset's entry. Redis takes no `0-0`. */
export function entryIdOf(offset: Offset): string {
  return offset === 0n ? "0-1" : `${offset}-0`;
}

export function fieldsOfEntry({ from, atMs, frames }: HistoryEntry): RedisArgument[] {
  const heads = frames.map(({ offset, scope, priority, audience, conflationKey, bytes, bodyStart }) => {
    const head = [Number(offset - from), bytes.length - bodyStart, scope];
    const isUsual = priority === "normal" && audience.length === 0 && conflationKey === undefined;
    return isUsual ? head : [...head, priority, audience, conflationKey ?? null];
  });
  const blocks = joinBytes(frames.map(({ bytes, bodyStart }) => bytes.subarray(bodyStart)));
  return ["f", String(from), "t", atMs, "h", JSON.stringify(heads), "b", blocks];
}

/** Reads an entry back. What is not exactly what a gateway writes is not an entry: nobody else's input becomes a frame. */
export function foundEntry(stored: StreamEntry): FoundEntry {
  const { milliseconds: offset } = entryOfOffset(stored.offset);
  try {
    return { offset, entry: entryOf(offset, stored.fields) };
  } catch {
    return { offset, entry: undefined };
  }
}

function entryOf(offset: Offset, fields: readonly Uint8Array[]): HistoryEntry | undefined {
  if (fields.length !== FIELDS.length * 2) return undefined;
  const [from, atMs, heads, blocks] = FIELDS.map((name, index) =>
    decoder.decode(fields[index * 2]) === name ? fields[index * 2 + 1] : undefined
  );
  if (from === undefined || atMs === undefined || heads === undefined || blocks === undefined) return undefined;
  const entry = { offset, from: parseOffset(decoder.decode(from), "integer"), atMs: Number(decoder.decode(atMs)) };
  if (entry.from === undefined || entry.from > offset || !Number.isSafeInteger(entry.atMs)) return undefined;
  const frames = framesOf(entry.from, offset, JSON.parse(decoder.decode(heads)), blocks);
  return frames === undefined ? undefined : { ...entry, from: entry.from, frames };
}

function framesOf(from: Offset, last: Offset, heads: unknown, blocks: Uint8Array): StoredFrame[] | undefined {
  if (!Array.isArray(heads)) return undefined;
  // One copy of all: the reply's own buffer holds the whole page.
  const copy = new Uint8Array(blocks);
  const frames: StoredFrame[] = [];
  let start = 0;
  let least = from;
  for (const head of heads) {
    if (!Array.isArray(head) || head.length > 6) return undefined;
    const [behindFrom, byteCount]: unknown[] = head;
    if (!isCount(behindFrom) || !isCount(byteCount) || start + byteCount > copy.length) return undefined;
    const offset = from + BigInt(behindFrom);
    const frame = frameOf(offset, head, copy.subarray(start, start + byteCount));
    if (frame === undefined || offset < least || offset > last) return undefined;
    frames.push(frame);
    least = offset;
    start += byteCount;
  }
  return start === copy.length ? frames : undefined;
}

function frameOf(offset: Offset, head: readonly unknown[], bytes: Uint8Array): StoredFrame | undefined {
  const [, , scopeText, priority = "normal", audienceTexts = [], conflationKey = null] = head;
  const event = BLOCK.exec(decoder.decode(bytes))?.[1];
  const scope = scopeOf(scopeText);
  const audience = Array.isArray(audienceTexts) ? audienceTexts.map(scopeOf) : [undefined];
  const knownAudience = audience.filter((each) => each !== undefined);
  if (scope === undefined || knownAudience.length < audience.length || !isPriority(priority)) return undefined;
  if (event === undefined || !isEventName(event)) return undefined;
  if (conflationKey !== null && typeof conflationKey !== "string") return undefined;
  return {
    offset,
    scope,
    event,
    audience: knownAudience,
    priority,
    conflationKey: conflationKey ?? undefined,
    bytes,
    bodyStart: 0,
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function scopeOf(value: unknown): Scope | undefined {
  return typeof value === "string" ? parseScope(value) : undefined;
}

function isPriority(value: unknown): value is Priority {
  return PRIORITIES.some((priority) => priority === value);
}
