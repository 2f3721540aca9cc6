/**
 * Numbers as text: base64url digits of five bits, least significant first, the sixth bit set when more follow. Unlike
 * base64 of packed bytes each number is text of its own, so the parts of a cursor can be kept and joined.
 */
export const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const DIGIT_OF = new Map([...BASE64URL].map((character, digit) => [character, digit]));
/** 26 digits hold 130 bits, more than any offset. */
const MAX_DIGITS = 26;

/** Text of a number from 0 up. */
export function encodeVLQ(value: bigint): string {
  if (value < 0n) throw new RangeError(`Cannot encode ${value}: only numbers from 0 up have a text`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    return BASE64URL.charAt(Number(value & 31n) | 32) + encodeVLQ(value >> 5n);
  }
  let rest = Number(value);
  let text = "";
  while (rest >= 32) {
    text += BASE64URL.charAt((rest % 32) + 32);
    rest = Math.floor(rest / 32);
  }
  return text + BASE64URL.charAt(rest);
}

/** Reads numbers one after the other; every method gives `undefined` once the text is not what it should be. */
export class VLQReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at === this.#text.length;
  }

  /** The next number, in its one canonical form (no leading zero digits). */
  number(): bigint | undefined {
    let value = 0n;
    for (let digits = 0; digits < MAX_DIGITS; digits++) {
      const digit = DIGIT_OF.get(this.#text.charAt(this.#at++));
      if (digit === undefined) return undefined;
      value |= BigInt(digit & 31) << BigInt(5 * digits);
      if ((digit & 32) === 0) return digits > 0 && digit === 0 ? undefined : value;
    }
    return undefined;
  }

  /** The next characters as they are. */
  characters(count: number): string | undefined {
    const part = this.#text.slice(this.#at, this.#at + count);
    this.#at += count;
    return part.length === count ? part : undefined;
  }
}
