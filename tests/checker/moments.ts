let last = 0;

/** A moment of a run, after all that were given before: what happens within one millisecond has an order too. */
export function nextMoment(): number {
  return ++last;
}
