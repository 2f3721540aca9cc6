/** Retries of dead letters: who gets a letter when several begin at once, and what an unclear answer leaves behind. */
import assert from "node:assert/strict";
import { BusError, type EventBus, type PublishRecord } from "../../src/bus/event_bus.ts";
import { readRetryStates } from "../../src/gateway/dead_letter_notes.ts";
import type { DeadLetterEntry, DeadLetterPlace } from "../../src/gateway/dead_letter_place.ts";
import { retryLetters, type RetryResult } from "../../src/gateway/dead_letter_retry.ts";
import { createDeadLetter, type DeadLetter } from "../../src/pipeline/dead_letter.ts";
import { pipelineOf, record, rule } from "../pipeline/mapped.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";

/** Lets others go on for a while, as every server does between a request and its answer. */
type Delay = () => Promise<void>;

const AT_ONCE: Delay = () => Promise.resolve();

/** One append-only list for all runs: a log as every place is one. */
class SharedPlace implements DeadLetterPlace {
  readonly kind = "source";
  readonly name = "the tests' place";
  readonly texts: string[] = [];
  readonly #delay: Delay;

  constructor(delay: Delay = AT_ONCE) {
    this.#delay = delay;
  }

  async append(entries: readonly DeadLetterEntry[]): Promise<number> {
    await this.#delay();
    this.texts.push(...entries.map(({ json }) => new TextDecoder().decode(json)));
    await this.#delay();
    return entries.length;
  }

  async *read(): AsyncIterable<string> {
    await this.#delay();
    // What is there when it is asked; what comes meanwhile is for the next.
    for (const text of this.texts.slice()) {
      await this.#delay();
      yield text;
    }
  }
}

/** The source of the letters, as far as a retry asks it. */
function busOf(publish: (records: readonly PublishRecord[]) => Promise<void>): (source: string) => Promise<EventBus> {
  let next = 100n;
  // A retry asks for nothing else of it.
  const bus = {
    source: "s",
    offsetFormat: "integer",
    publish: async (records: readonly PublishRecord[]) => {
      await publish(records);
      return records.map(() => ({ partition: 0, offset: next++ }));
    },
  } as unknown as EventBus;
  return () => Promise.resolve(bus);
}

function lettersOf(count: number): DeadLetter[] {
  return Array.from({ length: count }, (_, index) => {
    const cause = { source: "s", partition: 0, offsetFormat: "integer", reason: "no-rule", detail: "" } as const;
    return createDeadLetter(cause, { ...record({ number: index }), offset: BigInt(index) }, 1_000);
  });
}

const pipeline = pipelineOf({ rules: [rule()] });

function retry(
  letters: readonly DeadLetter[],
  place: DeadLetterPlace,
  publish: (records: readonly PublishRecord[]) => Promise<void>,
  isAgain = false,
): Promise<ReadonlyMap<DeadLetter, RetryResult>> {
  const now = () => new Date("2026-01-01T00:00:00Z");
  return retryLetters(letters, { pipeline, places: [place], busOf: busOf(publish), isDryRun: false, isAgain, now });
}

function kindsOf(results: ReadonlyMap<DeadLetter, RetryResult>): readonly string[] {
  return Array.from(results.values(), ({ kind }) => kind);
}

Deno.test("retryLetters: of several runs at once exactly one publishes each letter, however they interleave", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const delay = async () => {
      for (let turns = random.between(0, 6); turns > 0; turns--) await Promise.resolve();
    };
    const place = new SharedPlace(delay);
    const letters = lettersOf(4);
    const published: string[] = [];
    const publish = async (records: readonly PublishRecord[]) => {
      await delay();
      published.push(...records.map(({ value }) => new TextDecoder().decode(value)));
      await delay();
    };
    const runs = await Promise.all(Array.from({ length: 3 }, async () => {
      for (let turns = random.between(0, 40); turns > 0; turns--) await Promise.resolve();
      return await retry(letters, place, publish);
    }));
    const expected = letters.map((_, index) => JSON.stringify({ number: index }));
    assert.deepEqual(published.toSorted(), expected, `seed ${seed}`);
    for (const letter of letters) {
      const kinds = runs.map((results) => results.get(letter)?.kind).toSorted();
      assert.deepEqual(kinds, ["published", "taken", "taken"], `seed ${seed}`);
    }
    const states = [...(await readRetryStates(place)).values()].map(({ kind }) => kind);
    assert.deepEqual(states, letters.map(() => "published"), `seed ${seed}`);
  }
});

Deno.test("retryLetters: after an unclear answer a letter is not published again, unless an operator says so", async () => {
  const place = new SharedPlace();
  const letters = lettersOf(1);
  const unclear = () => Promise.reject(new BusError("no answer came", { mayHaveBeenWritten: true }));
  assert.deepEqual([...(await retry(letters, place, unclear)).values()], [{ kind: "unclear", why: "no answer came" }]);
  assert.deepEqual([...(await readRetryStates(place)).values()].map(({ kind }) => kind), ["begun"]);
  let published = 0;
  const publish = () => Promise.resolve(void published++);
  assert.deepEqual(kindsOf(await retry(letters, place, publish)), ["taken"]);
  assert.equal(published, 0);
  assert.deepEqual(kindsOf(await retry(letters, place, publish, true)), ["published"]);
  assert.equal(published, 1);
});

Deno.test("retryLetters: what the source surely did not take waits again", async () => {
  const place = new SharedPlace();
  const letters = lettersOf(1);
  const refused = () => Promise.reject(new BusError("read-only"));
  assert.deepEqual([...(await retry(letters, place, refused)).values()], [{ kind: "failed", why: "read-only" }]);
  assert.deepEqual([...(await readRetryStates(place)).values()], [{ kind: "waiting" }]);
  assert.deepEqual(kindsOf(await retry(letters, place, () => Promise.resolve())), ["published"]);
});

Deno.test("retryLetters: publishes nothing when its beginning cannot be noted", async () => {
  const full: DeadLetterPlace = Object.assign(new SharedPlace(), { append: () => Promise.resolve(0) });
  const never = () => Promise.reject(new Error("it was published"));
  await assert.rejects(retry(lettersOf(2), full, never), /Cannot note a retry in the tests' place: it is full/);
});
