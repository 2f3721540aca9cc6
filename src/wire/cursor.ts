import { entryOfOffset, formatOffset, type Offset, type OffsetFormat, parseOffset } from "../model/position.ts";
import { PositionVector, type SourcePositions } from "../model/position_vector.ts";
import { encodeVLQ, VLQReader } from "./base64_vlq.ts";
import { fingerprint } from "./fingerprint.ts";

/*
 * The text of a cursor, known to this file alone:
 *
 *     {source}:{partition}:{offset}~{vector}
 *
 * The first part is the identity of the event that carries it. A browser returns only the last `id` it saw, so the
 * vector holds every other position at that moment:
 *
 *     vector = version, then for each source: name (3), epoch (4), form, base, one number a partition
 *
 * `name` and `epoch` are fingerprints; `form` is twice the number of partitions, plus one for entry IDs; numbers are base64 VLQ; a partition's number is its next offset less the base,
 * so that large offsets stay short; the event's own partition has a 0 in the vector. An entry ID counts as two numbers, its
 * milliseconds (less the base) and its sequence. Before any event was seen, the first part is empty.
 */

/** Longest cursor that is read or written, in characters. */
export const MAX_CURSOR_LENGTH = 2_048;

/** Longest text of one partition's number, for the check at start: a 49-bit distance, or an entry ID. */
const WIDEST_PARTITION: Record<OffsetFormat, number> = { "integer": 10, "ms-seq": 14 };
const VERSION = encodeVLQ(1n);
const NAME_CHARACTERS = 3;
const EPOCH_CHARACTERS = 4;
const SOURCE_HEAD_CHARACTERS = NAME_CHARACTERS + EPOCH_CHARACTERS + 2 + 13;

/** Gives the cursor texts of one moving {@link PositionVector}. */
export class CursorWriter {
  readonly positions: PositionVector;
  readonly #sources: SourceText[];
  #last: NamedPosition | undefined;
  /** The vector behind the last event, which stands while only its partition moves. */
  #vectorBehind: string | undefined;

  constructor(positions: PositionVector) {
    this.positions = positions;
    this.#sources = positions.sources.map((source) => new SourceText(source));
  }

  /** Moves one partition on to `next`. Records that nobody may see move it too. */
  advance(sourceIndex: number, partition: number, next: Offset): void {
    this.positions.set(sourceIndex, partition, next);
    const stands = this.#sources[sourceIndex]?.refresh(partition);
    const isOfLast = this.#last?.partition === partition && this.#last.sourceIndex === sourceIndex;
    if (!stands || !isOfLast) this.#vectorBehind = undefined;
  }

  /** Takes the later position of the two, partition by partition. */
  raiseTo(positions: PositionVector): void {
    this.positions.raiseTo(positions);
    for (const source of this.#sources) source.rebuild();
    this.#vectorBehind = undefined;
  }

  /** Moves past one event and gives the `id` that its frame carries. */
  pass(sourceIndex: number, partition: number, offset: Offset): string {
    this.advance(sourceIndex, partition, offset + 1n);
    return this.#textBehind(this.#last = { sourceIndex, partition, offset });
  }

  /** A source's epoch or number of partitions has changed: its text is built anew. */
  rebuild(sourceIndex: number): void {
    this.#sources[sourceIndex]?.rebuild();
    this.#vectorBehind = undefined;
    if (this.#last?.sourceIndex === sourceIndex) this.#last = undefined;
  }

  /** The cursor of this moment: a checkpoint. */
  text(): string {
    // A checkpoint may have moved past the last event; then that event's offset no longer tells its partition's position.
    const last = this.#last;
    const newest = last && this.positions.next(last.sourceIndex, last.partition);
    return last && newest === last.offset + 1n ? this.#textBehind(last) : `~${this.#vector(-1, -1)}`;
  }

  #textBehind({ sourceIndex, partition, offset }: NamedPosition): string {
    const named = this.positions.sources[sourceIndex];
    const identity = named && `${named.source}:${partition}:${formatOffset(offset, named.format)}`;
    return `${identity ?? ""}~${this.#vectorBehind ??= this.#vector(sourceIndex, partition)}`;
  }

  /** @param skippedPartition the one whose position the event itself tells */
  #vector(sourceIndex: number, skippedPartition: number): string {
    let vector = VERSION;
    for (const [index, source] of this.#sources.entries()) {
      vector += source.text(index === sourceIndex ? skippedPartition : -1);
    }
    return vector;
  }
}

/** The identity of the event that a cursor was given with; empty when there was none. */
export function identityOf(cursor: string): string {
  const tilde = cursor.indexOf("~");
  return tilde < 0 ? cursor : cursor.slice(0, tilde);
}

/** One source's part of the vector, kept as pieces. */
class SourceText {
  readonly #source: SourcePositions;
  #head = "";
  #base = 0n;
  /** By partition; `undefined` where it has moved since it was last asked for. */
  #pieces: (string | undefined)[] = [];

  constructor(source: SourcePositions) {
    this.#source = source;
    this.rebuild();
  }

  rebuild(): void {
    const { source, epoch, format, next } = this.#source;
    const measures = next.map((offset) => measure(offset, format));
    this.#base = measures.reduce((least, value) => value < least ? value : least, measures[0] ?? 0n);
    this.#head = fingerprint(source, NAME_CHARACTERS) + fingerprint(epoch, EPOCH_CHARACTERS) +
      encodeVLQ(BigInt(next.length * 2 + (format === "ms-seq" ? 1 : 0))) + encodeVLQ(this.#base);
    this.#pieces = next.map((offset) => this.#piece(offset));
  }

  /** A partition has moved; false when that changed what is written of the others. */
  refresh(partition: number): boolean {
    const offset = this.#source.next[partition] ?? 0n;
    const stands = partition < this.#pieces.length && measure(offset, this.#source.format) >= this.#base;
    if (stands) this.#pieces[partition] = undefined;
    else this.rebuild();
    return stands;
  }

  text(skippedPartition: number): string {
    let text = this.#head;
    for (let partition = 0; partition < this.#pieces.length; partition++) {
      text += partition === skippedPartition
        ? EMPTY_PIECE[this.#source.format]
        : this.#pieces[partition] ??= this.#piece(this.#source.next[partition] ?? 0n);
    }
    return text;
  }

  #piece(offset: Offset): string {
    if (this.#source.format === "integer") return encodeVLQ(offset - this.#base);
    const { milliseconds, sequence } = entryOfOffset(offset);
    return encodeVLQ(milliseconds - this.#base) + encodeVLQ(sequence);
  }
}

const EMPTY_PIECE: Record<OffsetFormat, string> = { "integer": encodeVLQ(0n), "ms-seq": encodeVLQ(0n) + encodeVLQ(0n) };

/** What of an offset the base is taken from. */
function measure(offset: Offset, format: OffsetFormat): bigint {
  return format === "integer" ? offset : entryOfOffset(offset).milliseconds;
}

/** What a client's cursor says about one source of ours. */
export type SourceCursor =
  | { readonly kind: "positions"; readonly next: readonly (Offset | undefined)[] }
  /** Made in another incarnation of the log: an older one, or one that this node has not met yet. */
  | { readonly kind: "other-epoch" }
  /** Made when the source was not yet followed. */
  | { readonly kind: "absent" };

/** One {@link SourceCursor} for each source, in the order of the sources given; or the text is no cursor. */
export type ParsedCursor =
  | { readonly kind: "cursor"; readonly sources: readonly SourceCursor[] }
  | { readonly kind: "invalid" };

/**
 * Reads a cursor against the sources followed now. Never throws and never guesses: what is not exactly what a
 * gateway writes is `invalid`. The text `{source}:{partition}:{offset}` alone, as a person would type it, says
 * nothing of other partitions: their positions are `undefined`.
 */
export function parseCursor(text: string, sources: readonly SourcePositions[]): ParsedCursor {
  if (text.length > MAX_CURSOR_LENGTH) return INVALID;
  const tilde = text.indexOf("~");
  const identity = tilde < 0 ? text : text.slice(0, tilde);
  const named = identity === "" ? "not-followed" : parseIdentity(identity, sources);
  if (named === "invalid") return INVALID;
  if (tilde < 0) {
    return identity === "" ? INVALID : {
      kind: "cursor",
      sources: sources.map(({ next }, index) => ({ kind: "positions", next: onlyNamed(next.length, index, named) })),
    };
  }
  return parseVector(text.slice(tilde + 1), named, sources);
}

const INVALID = { kind: "invalid" } as const;

interface NamedPosition {
  readonly sourceIndex: number;
  readonly partition: number;
  readonly offset: Offset;
}

function parseIdentity(text: string, sources: readonly SourcePositions[]): NamedPosition | "not-followed" | "invalid" {
  const parts = text.split(":");
  const [name, partitionText, offsetText] = parts;
  if (parts.length !== 3 || name === undefined || partitionText === undefined || offsetText === undefined) {
    return "invalid";
  }
  const sourceIndex = sources.findIndex(({ source }) => source === name);
  const partition = parseOffset(partitionText, "integer");
  if (partition === undefined || partition > 99_999n) return "invalid";
  // A source that is no longer followed: its offset cannot be judged, the rest of the cursor still counts.
  const format = sources[sourceIndex]?.format;
  if (format === undefined) return "not-followed";
  const offset = parseOffset(offsetText, format);
  return offset === undefined ? "invalid" : { sourceIndex, partition: Number(partition), offset };
}

function parseVector(
  text: string,
  named: NamedPosition | "not-followed",
  sources: readonly SourcePositions[],
): ParsedCursor {
  const reader = new VLQReader(text);
  if (reader.characters(VERSION.length) !== VERSION) return INVALID;
  const found: SourceCursor[] = sources.map(() => ({ kind: "absent" }));
  let isNamedFound = named === "not-followed";
  while (!reader.done) {
    const name = reader.characters(NAME_CHARACTERS);
    const epoch = reader.characters(EPOCH_CHARACTERS);
    const index = sources.findIndex(({ source }) => fingerprint(source, NAME_CHARACTERS) === name);
    const offsets = readOffsets(reader);
    if (offsets === undefined) return INVALID;
    const { format, next } = offsets;
    const source = sources[index];
    if (source === undefined) continue; // a source that is no longer followed
    if (found[index]?.kind !== "absent") return INVALID;
    if (named !== "not-followed" && named.sourceIndex === index) {
      if (next[named.partition] === undefined) return INVALID;
      next[named.partition] = named.offset + 1n;
      isNamedFound = true;
    }
    const isOfThisEpoch = fingerprint(source.epoch, EPOCH_CHARACTERS) === epoch;
    // One incarnation of a log writes its offsets in one way only.
    if (isOfThisEpoch && format !== source.format) return INVALID;
    found[index] = isOfThisEpoch ? { kind: "positions", next } : { kind: "other-epoch" };
  }
  return isNamedFound ? { kind: "cursor", sources: found } : INVALID;
}

/** As many positions as the source has partitions, all unknown but the one that was named. */
function onlyNamed(partitions: number, index: number, named: NamedPosition | "not-followed"): (Offset | undefined)[] {
  const isNamed = (partition: number) =>
    named !== "not-followed" && named.sourceIndex === index && named.partition === partition;
  const after = named === "not-followed" ? undefined : named.offset + 1n;
  return Array.from({ length: partitions }, (_, partition) => isNamed(partition) ? after : undefined);
}

function readOffsets(reader: VLQReader): { readonly format: OffsetFormat; readonly next: Offset[] } | undefined {
  const form = reader.number();
  const base = reader.number();
  if (form === undefined || base === undefined) return undefined;
  const format: OffsetFormat = form % 2n === 0n ? "integer" : "ms-seq";
  const count = form / 2n;
  const next: Offset[] = [];
  for (let partition = 0n; partition < count; partition++) {
    const distance = reader.number();
    const sequence = format === "ms-seq" ? reader.number() : 0n;
    if (distance === undefined || sequence === undefined) return undefined;
    // Through the text, so that a forged number can be no offset that the format does not have.
    const text = format === "ms-seq" ? `${base + distance}-${sequence}` : `${base + distance}`;
    const offset = parseOffset(text, format);
    if (offset === undefined) return undefined;
    next.push(offset);
  }
  return { format, next };
}

/**
 * The longest cursor that so many partitions can make, in characters; a configuration whose cursor could pass
 * {@link MAX_CURSOR_LENGTH} is refused at start.
 */
export function widestCursor(sources: readonly { source: string; format: OffsetFormat; partitions: number }[]): number {
  const identity = Math.max(...sources.map(({ source }) => source.length)) + 48;
  return identity + VERSION.length + sources.reduce(
    (sum, { format, partitions }) => sum + SOURCE_HEAD_CHARACTERS + partitions * WIDEST_PARTITION[format],
    0,
  );
}

/** Two of the sources whose names a cursor could not tell apart; such a configuration is refused at start. */
export function indistinctSources(sources: readonly string[]): readonly [one: string, other: string] | undefined {
  const names = new Map<string, string>();
  for (const other of sources) {
    const one = names.get(fingerprint(other, NAME_CHARACTERS));
    if (one !== undefined) return [one, other];
    names.set(fingerprint(other, NAME_CHARACTERS), other);
  }
  return undefined;
}
