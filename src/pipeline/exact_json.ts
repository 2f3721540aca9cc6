/** TypeScript's library does not know these parts of the standard yet (ECMAScript proposal "JSON.parse source text access"). */
const standardJSON = JSON as unknown as {
  readonly parse: (
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ) => unknown;
  readonly rawJSON: (text: string) => object;
  readonly isRawJSON: (value: unknown) => boolean;
};

const INTEGER = /^-?[0-9]+$/;

/**
 * Reads JSON with integers beyond ±(2^53 − 1) as bigint instead of rounding them, and with numbers beyond a double's range as
 * their own text (see {@link isRawNumber}) instead of an infinity, which JSON cannot write. Three times slower than JSON.parse:
 * the pipeline reads this way only when a value that it uses turns out to be such a number.
 *
 * @throws SyntaxError when the text is not JSON, RangeError when it is nested too deep
 */
export function parseExactJSON(text: string): unknown {
  return standardJSON.parse(text, (_key, value, { source }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || source === undefined) return value;
    if (INTEGER.test(source)) return BigInt(source);
    return Number.isFinite(value) ? value : standardJSON.rawJSON(source);
  });
}

/** Writes a bigint's exact digits where JSON.stringify meets it; JSON.stringify refuses a bigint itself. */
export function exactNumber(value: bigint): object {
  return standardJSON.rawJSON(value.toString());
}

/** Whether this is a number kept as its own text, which JSON.stringify writes as it came. */
export function isRawNumber(value: unknown): boolean {
  return standardJSON.isRawJSON(value);
}

/** JSON text of a value that may hold bigints, digits exact; `undefined` and functions are not JSON. */
export function stringifyExact(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => typeof each === "bigint" ? exactNumber(each) : each);
}

/** Whether the number may have lost digits while it was read: an integer beyond ±(2^53 − 1), or an infinity. */
export function isInexact(value: number): boolean {
  return value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER;
}
