/** The seeds of a test: `TIDEGATE_SEED=17` is that one alone, `TIDEGATE_SEED=17-2000` a range; else 1 to `count`. */
export function seeds(count: number): readonly [first: number, last: number] {
  const [first, last] = (Deno.env.get("TIDEGATE_SEED") ?? `1-${count}`).split("-").map(Number);
  if (first === undefined || !Number.isSafeInteger(first)) {
    throw new TypeError("Cannot use TIDEGATE_SEED: it is no number");
  }
  return [first, last ?? first];
}
