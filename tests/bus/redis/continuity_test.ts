import assert from "node:assert/strict";
import fc from "fast-check";
import { lostBefore, ORIGIN } from "../../../src/bus/redis/continuity.ts";
import type { StreamFacts } from "../../../src/bus/redis/stream_facts.ts";

type Step =
  | { readonly kind: "add" | "trim"; readonly count: number }
  | { readonly kind: "delete"; readonly share: number }
  | { readonly kind: "read"; readonly count: number; readonly trimmedMeanwhile: number };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("trim" as const), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("delete" as const),
      share: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      count: fc.integer({ min: 1, max: 5 }),
      trimmedMeanwhile: fc.oneof(fc.constant(0), fc.nat(8)),
    }),
  },
);

/** A stream as Redis counts it, with what it forgets: which entries were trimmed, which deleted. */
class ModelStream {
  entries: bigint[] = [];
  readonly trimmed: bigint[] = [];
  readonly deleted: bigint[] = [];
  added = 0;
  last = 0n;

  take(step: Exclude<Step, { kind: "read" }>): void {
    if (step.kind === "add") {
      // IDs have holes: they are times.
      for (let count = 0; count < step.count; count++) this.entries.push(this.last += BigInt(1 + ++this.added % 3));
    } else if (step.kind === "delete") {
      this.deleted.push(...this.entries.splice(Math.floor(step.share * this.entries.length), 1));
    } else this.trimmed.push(...this.entries.splice(0, step.count));
  }

  facts(marker: string | null): StreamFacts {
    const maxDeleted = this.deleted.reduce((max, offset) => offset > max ? offset : max, 0n);
    const { last, added, entries } = this;
    return { marker, first: entries[0] ?? null, last, length: entries.length, added, maxDeleted };
  }
}

Deno.test("lostBefore: never calls a loss none, never gives a number that is not true, and knows it without XDEL", () => {
  const seen = { none: 0, exact: 0, unknown: 0 };
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 40 }), fc.boolean(), (steps, isMarked) => {
      const stream = new ModelStream();
      let position = 1n;
      let anchor: typeof ORIGIN | undefined = ORIGIN;
      for (const step of steps) {
        if (step.kind !== "read") {
          stream.take(step);
          continue;
        }
        const read = stream.entries.filter((offset) => offset >= position).slice(0, step.count);
        const missing = stream.trimmed.filter((offset) => offset >= position && offset < (read[0] ?? stream.last + 1n));
        if (read.length > 0) stream.take({ kind: "trim", count: step.trimmedMeanwhile });
        const lost = lostBefore(position, read, stream.facts(isMarked ? "m" : null), anchor);
        if (lost !== null) assert.equal(lost, missing.length, `position ${position}, read ${read}`);
        if (lost === null && stream.deleted.length === 0 && anchor !== undefined) {
          const first = stream.entries[0] ?? stream.last + 1n;
          assert.ok(
            (read.at(-1) ?? first) < first || (read[0] ?? first) > first,
            "unknown only when trimming overtook the read",
          );
        }
        seen[lost === null ? "unknown" : lost === 0 ? "none" : "exact"]++;
        if (read.length === 0 && position > stream.last) continue;
        const next = (read.at(-1) ?? stream.last) + 1n;
        anchor = lost === null || anchor === undefined
          ? undefined
          : { since: anchor.since, added: anchor.added + lost + read.length };
        position = next;
        if (position > stream.last) anchor = { since: position, added: stream.added };
      }
    }),
    { numRuns: 5_000 },
  );
  for (const [outcome, count] of Object.entries(seen)) assert.ok(count > 100, `${outcome}: ${count}`);
});
