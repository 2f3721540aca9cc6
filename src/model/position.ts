/**
 * Where a record stands in its log: source, partition, offset.
 *
 * An {@link Offset} is one exact integer for every middleware, so that positions compare, order and pack alike:
 * Kafka's and the embedded log's number as it is, a Redis entry ID `ms-seq` as `ms * 2^64 + seq`. Only its text
 * differs, and that is a property of the source: {@link OffsetFormat}.
 */
export interface Position {
  /** Name of the configured upstream log. */
  readonly source: string;
  /** Partition number, from 0. */
  readonly partition: number;
  /** The record's own offset (not the one after it). */
  readonly offset: Offset;
}

/** Exact position in one partition; see {@link Position} for how an entry ID becomes one. */
export type Offset = bigint;

/** How a source writes its offsets: `integer` (Kafka, embedded log) or `ms-seq` (Redis entry IDs). */
export type OffsetFormat = "integer" | "ms-seq";

/** Largest offset of the format `integer`: signed 64 bits, as Kafka has it. */
export const MAX_INTEGER_OFFSET: Offset = 2n ** 63n - 1n;

const SEQUENCE_BITS = 64n;
const MAX_UINT64 = 2n ** 64n - 1n;
const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/;
const ENTRY_ID = /^(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})$/;

/** The offset of a Redis entry ID given as its two halves. */
export function offsetOfEntry(milliseconds: bigint, sequence: bigint): Offset {
  return (milliseconds << SEQUENCE_BITS) | sequence;
}

/** The two halves, `ms` and `seq`, of an offset of the format `ms-seq`. */
export function entryOfOffset(offset: Offset): { readonly milliseconds: bigint; readonly sequence: bigint } {
  return { milliseconds: offset >> SEQUENCE_BITS, sequence: offset & MAX_UINT64 };
}

/** The decimal text of an offset, as it stands in event IDs: `1042`, or `1526919030474-55`. */
export function formatOffset(offset: Offset, format: OffsetFormat): string {
  if (format === "integer") return offset.toString();
  const { milliseconds, sequence } = entryOfOffset(offset);
  return `${milliseconds}-${sequence}`;
}

/**
 * Reads an offset back; `undefined` for anything but its one canonical text. No sign, space, exponent, leading zero,
 * non-ASCII digit, nor a number past the format's largest: what is forwarded to a bus is always a true offset.
 */
export function parseOffset(text: string, format: OffsetFormat): Offset | undefined {
  if (format === "integer") {
    if (!DECIMAL.test(text)) return undefined;
    const offset = BigInt(text);
    return offset <= MAX_INTEGER_OFFSET ? offset : undefined;
  }
  const halves = ENTRY_ID.exec(text);
  if (halves?.[1] === undefined || halves[2] === undefined) return undefined;
  const milliseconds = BigInt(halves[1]);
  const sequence = BigInt(halves[2]);
  return milliseconds <= MAX_UINT64 && sequence <= MAX_UINT64 ? offsetOfEntry(milliseconds, sequence) : undefined;
}

/** The event identity `{source}:{partition}:{offset}`. */
export function formatPosition(position: Position, format: OffsetFormat): string {
  return `${position.source}:${position.partition}:${formatOffset(position.offset, format)}`;
}

/** A source's name: 1 to 64 of `a-z 0-9 _ . -`, first a letter or digit, so that it never breaks an identity or a label. */
export const SOURCE_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/;
