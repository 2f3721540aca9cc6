import assert from "node:assert/strict";
import fc from "fast-check";
import type { EventBus } from "../../src/bus/event_bus.ts";
import type { Offset } from "../../src/model/position.ts";
import { type EventBusHarness, numbered } from "./event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "./recorded_follow.ts";

const PARTITIONS = 2;

type Step =
  | { readonly kind: "publish"; readonly key: number; readonly count: number; readonly isAwaited: boolean }
  | { readonly kind: "follow"; readonly share: number }
  | { readonly kind: "unfollow"; readonly share: number }
  | { readonly kind: "hold" | "release"; readonly share: number }
  | { readonly kind: "range"; readonly begin: number; readonly end: number };

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
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("hold" as const, "release" as const), share }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("range" as const), begin: share, end: share }) },
);

/** Any interleaving of publish, follow, slow sinks and ranges: everybody sees the one log. A failure prints its seed. */
export function describeRandomInterleavings<Log extends AsyncDisposable>(
  name: string,
  harness: EventBusHarness<Log>,
): void {
  Deno.test(`${name}: any interleaving of publish, follow and readRange shows one and the same log`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
        await using log = await harness.createLog({ partitions: PARTITIONS, ownServer: false });
        await using bus = await harness.openBus(log);
        await using run = new Interleaving(bus);
        for (const step of steps) await run.take(step);
        await run.settle();
      }),
      { numRuns: harness.randomRuns, endOnFailure: true },
    );
  });
}

class Interleaving implements AsyncDisposable {
  readonly #bus: EventBus;
  readonly #follows: { readonly from: ReadonlyMap<number, Offset>; readonly follow: RecordedFollow }[] = [];
  readonly #publishes: Promise<unknown>[] = [];
  #published = 0;

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  async take(step: Step): Promise<void> {
    const { partitions } = await this.#bus.bounds();
    switch (step.kind) {
      case "publish": {
        const records = numbered(`${this.#published++}.`, step.count, `key ${step.key}`);
        const publish = this.#bus.publish(records);
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
    }
  }

  /** Everything published is in the log once, and every follow has seen the log from where it began. */
  async settle(): Promise<void> {
    await Promise.all(this.#publishes);
    const { partitions } = await this.#bus.bounds();
    const all = new Map<number, { readonly offset: Offset; readonly text: string }[]>();
    for (const [partition, { first, next }] of partitions) {
      const records = recordsOf(await readAll(this.#bus, partition, first, next));
      const texts = textsOf(records);
      assert.equal(new Set(texts).size, texts.length, "nothing is in the log twice");
      all.set(partition, records.map(({ offset }, index) => ({ offset, text: texts[index] ?? "" })));
    }
    for (const { from, follow } of this.#follows) {
      follow.release();
      for (const [partition, records] of all) {
        const expected = records.filter(({ offset }) => offset >= (from.get(partition) ?? 0n)).map(({ text }) => text);
        await follow.until(
          `${expected.length} records of ${partition}`,
          () => follow.texts(partition).length >= expected.length,
        );
        assert.deepEqual(follow.texts(partition), expected);
      }
      assert.deepEqual(follow.gaps(), []);
      await follow.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { follow } of this.#follows) await follow[Symbol.asyncDispose]();
    await Promise.allSettled(this.#publishes);
  }
}

/** An offset of the log, its end included. Not every one is a record's, where the middleware's offsets are sparse. */
function at(first: Offset, next: Offset, share: number): Offset {
  return first + BigInt(Math.round(Number(next - first) * share));
}
