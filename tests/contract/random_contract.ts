import assert from "node:assert/strict";
import fc from "fast-check";
import type { EventBus, PublishedPosition } from "../../src/bus/event_bus.ts";
import type { Offset } from "../../src/model/position.ts";
import { type EventBusHarness, isPossible, numbered } from "./event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "./recorded_follow.ts";

const PARTITIONS = 2;

type Step =
  | { readonly kind: "publish"; readonly key: number; readonly count: number; readonly isAwaited: boolean }
  | { readonly kind: "follow"; readonly share: number }
  | { readonly kind: "unfollow"; readonly share: number }
  | { readonly kind: "hold" | "release"; readonly share: number }
  | { readonly kind: "range"; readonly begin: number; readonly end: number }
  | { readonly kind: "trim"; readonly partition: number; readonly keep: number };

const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("publish" as const),
      key: fc.nat(5),
      count: fc.integer({ min: 1, max: 40 }),
      isAwaited: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("follow" as const), share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("unfollow" as const), share }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("hold" as const, "release" as const), share }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("range" as const), begin: share, end: share }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("trim" as const),
      partition: fc.nat(PARTITIONS - 1),
      keep: fc.integer({ min: 1, max: 20 }),
    }),
  },
);

/**
 * Any interleaving of publishes, follows, slow sinks, ranges and trims: each follow gets every record from where it
 * began, once and in order, or a gap that covers it. A failure prints its seed.
 */
export function describeRandomInterleavings<Log extends AsyncDisposable>(
  name: string,
  harness: EventBusHarness<Log>,
): void {
  Deno.test(`${name}: in any interleaving of publish, follow, readRange and trims nothing is lost in silence`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
        await using log = await harness.createLog({ partitions: PARTITIONS, ownServer: false });
        await using bus = await harness.openBus(log);
        const trim = harness.trim;
        await using run = new Interleaving(
          bus,
          isPossible(trim) ? (partition, keep) => trim(log, partition, keep) : undefined,
        );
        for (const step of steps) await run.take(step);
        await run.settle();
      }),
      { numRuns: harness.randomRuns, endOnFailure: true },
    );
  });
}

class Interleaving implements AsyncDisposable {
  readonly #bus: EventBus;
  readonly #trim: ((partition: number, keep: number) => Promise<void>) | undefined;
  readonly #follows: { readonly from: ReadonlyMap<number, Offset>; readonly follow: RecordedFollow }[] = [];
  readonly #publishes: Promise<{ texts: readonly string[]; positions: readonly PublishedPosition[] }>[] = [];

  constructor(bus: EventBus, trim: ((partition: number, keep: number) => Promise<void>) | undefined) {
    this.#bus = bus;
    this.#trim = trim;
  }

  async take(step: Step): Promise<void> {
    const { partitions } = await this.#bus.bounds();
    switch (step.kind) {
      case "publish": {
        const records = numbered(`${this.#publishes.length}.`, step.count, `key ${step.key}`);
        const texts = textsOf(records);
        const publish = this.#bus.publish(records).then((positions) => ({ texts, positions }));
        this.#publishes.push(publish);
        if (step.isAwaited) await publish;
        return;
      }
      case "follow": {
        const from = new Map(
          [...partitions].map(([partition, { first, next }]) => [partition, at(first, next, step.share)]),
        );
        this.#follows.push({ from, follow: new RecordedFollow(this.#bus, from) });
        return;
      }
      case "unfollow":
        await this.#follows.splice(Math.floor(step.share * this.#follows.length), 1)[0]?.follow.close();
        return;
      case "hold":
      case "release":
        this.#follows[Math.floor(step.share * this.#follows.length)]?.follow[step.kind]();
        return;
      case "range":
        for (const [partition, { first, next }] of partitions) {
          const begin = at(first, next, step.begin);
          const end = at(first, next, step.end);
          const texts = textsOf(recordsOf(await readAll(this.#bus, partition, begin, end)));
          const whole = recordsOf(await readAll(this.#bus, partition, first, next));
          assert.deepEqual(texts, textsOf(whole.filter(({ offset }) => begin <= offset && offset < end)));
        }
        return;
      case "trim": {
        const { first = 0n, next = 0n } = partitions.get(step.partition) ?? {};
        const { length } = recordsOf(await readAll(this.#bus, step.partition, first, next));
        if (step.keep < length) await this.#trim?.(step.partition, step.keep);
      }
    }
  }

  /** Compares what each follow has seen with all that was ever published. */
  async settle(): Promise<void> {
    const published = new Map<number, Map<Offset, string>>();
    for (const { texts, positions } of await Promise.all(this.#publishes)) {
      for (const [index, { partition, offset }] of positions.entries()) {
        const records = published.get(partition) ?? new Map<Offset, string>();
        assert.ok(!records.has(offset), "every record has an offset of its own");
        published.set(partition, records.set(offset, texts[index] ?? ""));
      }
    }
    for (const { from, follow } of this.#follows) {
      follow.release();
      for (const [partition, records] of published) {
        const owed = [...records].filter(([offset]) => offset >= (from.get(partition) ?? 0n));
        await compare(follow, partition, owed);
      }
      await follow.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { follow } of this.#follows) await follow[Symbol.asyncDispose]();
    await Promise.allSettled(this.#publishes);
  }
}

async function compare(
  follow: RecordedFollow,
  partition: number,
  owed: readonly (readonly [offset: Offset, text: string])[],
): Promise<void> {
  const gaps = () => follow.gaps().filter((gap) => gap.partition === partition);
  const missing = () => {
    const seen = new Set(follow.records(partition).map(({ offset }) => offset));
    return owed.filter(([offset]) => !seen.has(offset));
  };
  const isAnnounced = (offset: Offset) => gaps().some(({ from, next }) => from <= offset && offset < next);
  await follow.until(
    `all of partition ${partition}, or gaps`,
    () => missing().every(([offset]) => isAnnounced(offset)),
  );
  const texts = new Map(owed);
  for (const [index, { offset }] of follow.records(partition).entries()) {
    assert.equal(follow.texts(partition)[index], texts.get(offset), `the record at ${offset}`);
    assert.ok(!isAnnounced(offset), "what was read is not called lost");
  }
  for (const { from, next, lost } of gaps()) {
    const count = missing().filter(([offset]) => from <= offset && offset < next).length;
    assert.ok(lost === null || lost === count, `lost ${lost}, in truth ${count}`);
    assert.ok(lost === null || count > 0, "a gap in which nothing was lost");
  }
}

/** An offset of the log, its end included. Not every one is a record's, where the middleware's offsets are sparse. */
function at(first: Offset, next: Offset, share: number): Offset {
  return first + BigInt(Math.round(Number(next - first) * share));
}
