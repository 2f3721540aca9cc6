import { entryOfOffset, type Offset, offsetOfEntry } from "../../src/model/position.ts";
import { fingerprint } from "../../src/wire/fingerprint.ts";
import type { SourceTruth } from "./client_history.ts";

/** What a cursor says of one source. */
export interface CursorPosition {
  /** Index into the truth's epochs. */
  readonly epoch: number;
  readonly next: readonly Offset[];
}

/** The identity part of a cursor, and its positions by source name. */
export interface ReadCursor {
  readonly identity: string;
  readonly positions: ReadonlyMap<string, CursorPosition>;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * Reads a cursor's text after the description in src/wire/cursor.ts, written for the tests alone. `undefined` for what is none.
 */
export function readCursor(text: string, sources: readonly SourceTruth[]): ReadCursor | undefined {
  const [identity, vector, ...more] = text.split("~");
  if (identity === undefined || vector === undefined || more.length > 0 || !vector.startsWith("B")) return undefined;
  const [name, partition, offsetText] = identity.split(":");
  const positions = new Map<string, CursorPosition>();
  const digits = new Digits(vector, 1);
  while (!digits.done) {
    const head = digits.take(7);
    const next = offsetsOf(digits);
    const source = sources.find(({ source }) => fingerprint(source, 3) === head.slice(0, 3));
    const epoch = source?.epochs.findIndex(({ epoch }) => fingerprint(epoch, 4) === head.slice(3)) ?? -1;
    if (next === undefined || source === undefined || epoch < 0) return undefined;
    if (source.source === name) next[Number(partition)] = offsetOf(offsetText ?? "") + 1n;
    positions.set(source.source, { epoch, next });
  }
  return { identity, positions };
}

function offsetsOf(digits: Digits): Offset[] | undefined {
  const form = digits.number();
  const base = digits.number();
  if (form === undefined || base === undefined) return undefined;
  const offsets: Offset[] = [];
  for (let count = form / 2n; count > 0n; count--) {
    const distance = digits.number();
    const sequence = form % 2n === 0n ? 0n : digits.number();
    if (distance === undefined || sequence === undefined) return undefined;
    offsets.push(form % 2n === 0n ? base + distance : offsetOfEntry(base + distance, sequence));
  }
  return offsets;
}

class Digits {
  readonly #text: string;
  #at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  take(count: number): string {
    return this.#text.slice(this.#at, this.#at += count);
  }

  number(): bigint | undefined {
    let value = 0n;
    for (let shift = 0n; !this.done && shift <= 130n; shift += 5n) {
      const digit = DIGITS.indexOf(this.take(1));
      if (digit < 0) return undefined;
      value |= BigInt(digit % 32) << shift;
      if (digit < 32) return value;
    }
    return undefined;
  }
}

/** An offset from its text in an identity or a gap. */
export function offsetOf(text: string): Offset {
  const [milliseconds, sequence] = text.split("-");
  return sequence === undefined ? BigInt(text) : offsetOfEntry(BigInt(milliseconds ?? ""), BigInt(sequence));
}

/** Its text again, for messages. */
export function offsetText(offset: Offset): string {
  const { milliseconds, sequence } = entryOfOffset(offset);
  return milliseconds === 0n ? `${offset}` : `${milliseconds}-${sequence}`;
}
