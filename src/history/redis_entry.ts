import type { StreamEntry } from "../bus/redis/stream_entry.ts";
import type { RedisArgument } from "../bus/redis/redis_connection.ts";
import { isEventName } from "../model/event_name.ts";
import { entryOfOffset, type Offset, parseOffset } from "../model/position.ts";
import { parseScope, type Scope } from "../model/scope.ts";
import { PRIORITIES, type Priority } from "../model/sse_message.ts";
import type { FoundEntry, HistoryEntry, StoredFrame } from "./history_store.ts";

/*
 * An entry of a history in a Redis Stream: the fields `f` (from) and `t` (taken in, ms), then for each frame `h`, a JSON
 * array of scope, event, priority, audience and conflation key, and `b`, its block without the id line. All of it was minimised
 * before; nothing else of the record is there.
 */

const decoder = new TextDecoder("utf-8", { fatal: true });

/** One event's block as `encodeFrame` makes it. Whatever else lies there was not written by a gateway. */
const BLOCK = /^event: ([^\r\n]+)\ndata: [^\r\n]+\n\n$/;

/** The ID of an offset's entry. Redis takes no `0-0`. */
export function entryIdOf(offset: Offset): string {
  return offset === 0n ? "0-1" : `${offset}-0`;
}

export function fieldsOfEntry({ from, atMs, frames }: HistoryEntry): RedisArgument[] {
  const fields: RedisArgument[] = ["f", String(from), "t", atMs];
  for (const { scope, event, priority, audience, conflationKey, bytes, bodyStart } of frames) {
    fields.push("h", JSON.stringify([scope, event, priority, audience, conflationKey ?? null]));
    fields.push("b", bytes.subarray(bodyStart));
  }
  return fields;
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
  const [fromName, fromText, timeName, timeText, ...frameFields] = fields.map((field, index) =>
    // The block stays bytes.
    index % 4 === 3 && index > 3 ? "" : decoder.decode(field)
  );
  const from = parseOffset(fromText ?? "", "integer");
  const atMs = Number(timeText);
  if (fromName !== "f" || timeName !== "t" || from === undefined || from > offset || !Number.isSafeInteger(atMs)) {
    return undefined;
  }
  const frames: StoredFrame[] = [];
  for (let index = 0; index < frameFields.length; index += 4) {
    const block = fields[4 + index + 3];
    if (frameFields[index] !== "h" || frameFields[index + 2] !== "b" || block === undefined) return undefined;
    const frame = frameOf(frameFields[index + 1] ?? "", block);
    if (frame === undefined) return undefined;
    frames.push(frame);
  }
  return { offset, from, atMs, frames };
}

function frameOf(head: string, block: Uint8Array): StoredFrame | undefined {
  const parsed: unknown = JSON.parse(head);
  if (!Array.isArray(parsed) || parsed.length !== 5) return undefined;
  const [scopeText, event, priority, audienceTexts, conflationKey]: unknown[] = parsed;
  const scope = scopeOf(scopeText);
  const audience = Array.isArray(audienceTexts) ? audienceTexts.map(scopeOf) : [undefined];
  const knownAudience = audience.filter((each) => each !== undefined);
  if (scope === undefined || knownAudience.length < audience.length || !isPriority(priority)) return undefined;
  if (typeof event !== "string" || !isEventName(event) || BLOCK.exec(decoder.decode(block))?.[1] !== event) {
    return undefined;
  }
  if (conflationKey !== null && typeof conflationKey !== "string") return undefined;
  return {
    scope,
    event,
    audience: knownAudience,
    priority,
    conflationKey: conflationKey ?? undefined,
    // A copy: the reply's own buffer holds the whole page.
    bytes: new Uint8Array(block),
    bodyStart: 0,
  };
}

function scopeOf(value: unknown): Scope | undefined {
  return typeof value === "string" ? parseScope(value) : undefined;
}

function isPriority(value: unknown): value is Priority {
  return PRIORITIES.some((priority) => priority === value);
}
