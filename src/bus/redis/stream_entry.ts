import type { BusRecord } from "../../model/bus_record.ts";
import { formatOffset, type Offset, parseOffset } from "../../model/position.ts";
import { BusError, type PublishRecord } from "../event_bus.ts";
import type { EntryFields } from "./redis_bus_options.ts";
import type { RedisArgument } from "./redis_connection.ts";

/** The last millisecond that a `Date` can hold; an entry's explicit ID may claim to be later. */
const MAX_TIMESTAMP_MS = 8_640_000_000_000_000n;
const SEQUENCE_BITS = 64n;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** An entry as the commands give it: its ID and its fields and values in turn. */
export interface StreamEntry {
  readonly offset: Offset;
  readonly fields: readonly Uint8Array[];
}

/**
 * The record of an entry. With the value's field: its bytes, the key's field, and all others as headers. Without it, as
 * plain `XADD stream * name Ada age 36` writes: a JSON object of all fields as text, so that flat entries need no
 * convention; they are headers as well. Of a field that comes twice the last one counts.
 */
export function recordOfEntry({ offset, fields }: StreamEntry, names: EntryFields): BusRecord {
  const byName = new Map<string, Uint8Array>();
  for (let index = 0; index + 1 < fields.length; index += 2) {
    byName.set(decoder.decode(fields[index]), plainBytes(fields[index + 1]));
  }
  const value = byName.get(names.value) ?? jsonOf(byName);
  const key = byName.get(names.key) ?? null;
  byName.delete(names.value);
  byName.delete(names.key);
  const milliseconds = offset >> SEQUENCE_BITS;
  const timestampMs = Number(milliseconds < MAX_TIMESTAMP_MS ? milliseconds : MAX_TIMESTAMP_MS);
  return { offset, timestampMs, key, value, headers: byName };
}

/**
 * The fields of a record's entry, for XADD.
 *
 * @throws BusError when a header has the name of the value's or the key's field
 */
export function fieldsOfRecord(record: PublishRecord, names: EntryFields): RedisArgument[] {
  const fields: RedisArgument[] = [names.value, record.value];
  if (record.key !== null) fields.push(names.key, record.key);
  for (const [name, value] of record.headers ?? []) {
    if (name === names.value || name === names.key) {
      throw new BusError(
        `Cannot publish a record with the header ${
          JSON.stringify(name)
        }: a Redis entry has that field for the record's ` +
          "own. Rename the header or configure other field names.",
      );
    }
    fields.push(name, value);
  }
  return fields;
}

/** How many bytes an entry's fields have. */
export function sizeOfEntry({ fields }: StreamEntry): number {
  return fields.reduce((sum, field) => sum + field.byteLength, 0);
}

/** Reads a reply of entries: XRANGE, XREVRANGE, and a stream's part of XREAD. */
export function entriesOfReply(reply: unknown): StreamEntry[] {
  return arrayOf(reply).map((entry) => {
    const [id, fields] = arrayOf(entry);
    return { offset: offsetOfReply(id), fields: arrayOf(fields).map(bytesOf) };
  });
}

/** Reads a reply that is an entry ID. */
export function offsetOfReply(reply: unknown): Offset {
  const offset = parseOffset(textOf(reply), "ms-seq");
  if (offset === undefined) throw new BusError(`Cannot read an entry ID of Redis: ${textOf(reply)}`);
  return offset;
}

export function textOf(reply: unknown): string {
  return typeof reply === "string" ? reply : decoder.decode(bytesOf(reply));
}

export function arrayOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new BusError(`Cannot read a reply of Redis: ${typeof reply} instead of an array`);
  return reply;
}

/** The ID after which reading gives the offset itself: XREAD excludes the ID that it is given. */
export function idBefore(offset: Offset): string {
  return formatOffset(offset > 0n ? offset - 1n : 0n, "ms-seq");
}

function bytesOf(reply: unknown): Uint8Array {
  if (!(reply instanceof Uint8Array)) {
    throw new BusError(`Cannot read a reply of Redis: ${typeof reply} instead of text`);
  }
  return reply;
}

/** The client's `Buffer` as what the rest of the gateway knows. */
function plainBytes(bytes: Uint8Array = new Uint8Array(0)): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function jsonOf(fields: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const texts = [...fields].map(([name, value]): [string, string] => [name, decoder.decode(value)]);
  return encoder.encode(JSON.stringify(Object.fromEntries(texts)));
}
