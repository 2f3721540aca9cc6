import assert from "node:assert/strict";
import { BusError } from "../../src/bus/event_bus.ts";
import { type EventBusHarness, isPossible, numbered } from "./event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "./recorded_follow.ts";

const NO_SERVER = { ownServer: false };

/** Following, resuming, ranges, bounds. */
export function describeReading<Log extends AsyncDisposable>(name: string, harness: EventBusHarness<Log>): void {
  Deno.test(`${name}: follow yields up first, then every record in order, before and after it began`, async () => {
    await using log = await harness.createLog({ partitions: 1, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("a", 10));
    await using follow = await RecordedFollow.start(bus);
    await bus.publish(numbered("b", 10));
    await follow.untilRecords(20);
    assert.equal(follow.events[0]?.kind, "state");
    assert.deepEqual(follow.states(), ["up"]);
    assert.deepEqual(follow.texts(), textsOfBoth("a", "b", 10));
    await follow.close();
  });

  Deno.test(`${name}: follow resumes at any offset, at every event's next, and at the end`, async () => {
    await using log = await harness.createLog({ partitions: 1, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    const positions = await bus.publish(numbered("a", 10));
    const { next = 0n } = (await bus.bounds()).partitions.get(0) ?? {};
    for (const index of [0, 1, 5, 9]) {
      await using follow = new RecordedFollow(bus, new Map([[0, positions[index]?.offset ?? 0n]]));
      await follow.untilRecords(10 - index);
      assert.deepEqual(follow.texts(), textsOfBoth("a", "", 10).slice(index));
      const resumed = follow.events.findLast((event) => event.kind === "records")?.next;
      assert.equal(resumed, next, "after everything, a follow stands where 'from now' begins");
      await follow.close();
    }
    await using follow = await RecordedFollow.start(bus, new Map([[0, next]]));
    await bus.publish(numbered("new", 1));
    await follow.untilRecords(1);
    assert.deepEqual(follow.texts(), ["new0"]);
    assert.deepEqual(follow.gaps(), []);
    await follow.close();
  });

  Deno.test(`${name}: readRange yields exactly its range, at both ends`, async () => {
    await using log = await harness.createLog({ partitions: 1, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    const offsets = (await bus.publish(numbered("a", 12))).map(({ offset }) => offset);
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    const all = textsOfBoth("a", "", 12);
    const at = (index: number) => offsets[index] ?? next;
    for (const [begin, end] of [[0, 12], [0, 1], [11, 12], [3, 4], [3, 9], [5, 5], [9, 3], [12, 12]] as const) {
      const events = await readAll(bus, 0, at(begin), at(end));
      assert.deepEqual(textsOf(recordsOf(events)), all.slice(begin, end), `range ${begin} to ${end}`);
      assert.ok(events.every((event) => event.kind === "records"));
    }
    assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, first, next))), all);
    assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, at(11), at(11) + 1n))), ["a11"]);
  });

  Deno.test(`${name}: readRange beyond the log's end yields what is there, then the gap ahead`, async () => {
    await using log = await harness.createLog({ partitions: 1, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("a", 3));
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    const events = await readAll(bus, 0, first, next + 5n);
    assert.deepEqual(textsOf(recordsOf(events)), ["a0", "a1", "a2"]);
    assert.deepEqual(events.at(-1), {
      kind: "gap",
      partition: 0,
      from: next,
      next: next + 5n,
      reason: "ahead",
      lost: null,
    });
    assert.deepEqual((await readAll(bus, 0, next + 2n, next + 5n)).map((event) => event.kind), ["gap"]);
  });

  Deno.test(`${name}: readRange pages through more than one batch and frees everything on break`, async () => {
    await using log = await harness.createLog({ partitions: 1, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    for (let batch = 0; batch < 3; batch++) await bus.publish(numbered(`${batch}.`, 1_000));
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    const texts = textsOf(recordsOf(await readAll(bus, 0, first, next)));
    assert.equal(texts.length, 3_000);
    assert.deepEqual([texts[0], texts[1_000], texts[2_999]], ["0.0", "1.0", "2.999"]);
    for await (const event of bus.readRange(0, first, next, new AbortController().signal)) {
      assert.equal(event.kind, "records");
      break;
    }
  });

  Deno.test(`${name}: readRange rejects with a BusError when it is aborted, before and between events`, async () => {
    await using log = await harness.createLog({ partitions: 1, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    for (let batch = 0; batch < 2; batch++) await bus.publish(numbered("a", 1_000));
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    await assert.rejects(async () => {
      for await (const _ of bus.readRange(0, first, next, AbortSignal.abort())) assert.fail("aborted before");
    }, BusError);
    const abort = new AbortController();
    let read = 0;
    await assert.rejects(async () => {
      for await (const event of bus.readRange(0, first, next, abort.signal)) {
        if (event.kind === "records") read += event.records.length;
        abort.abort();
      }
      if (read === 2_000) throw new BusError("one event may hold it all");
    }, BusError);
  });

  Deno.test(`${name}: bounds tell an empty log, its tail, and the same epoch every time`, async () => {
    await using log = await harness.createLog({ partitions: 2, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    const empty = await bus.bounds(5);
    assert.deepEqual([...empty.partitions.keys()].sort(), [0, 1]);
    for (const { first, tail, next } of empty.partitions.values()) assert.deepEqual([tail, next], [first, first]);
    const [position] = await bus.publish(numbered("a", 10));
    const full = await bus.bounds(3);
    assert.equal(full.epoch, empty.epoch);
    assert.notEqual(full.epoch, "");
    const partition = position?.partition ?? -1;
    const { first = -1n, tail = -1n, next = -1n } = full.partitions.get(partition) ?? {};
    assert.equal(first, position?.offset);
    assert.deepEqual(textsOf(recordsOf(await readAll(bus, partition, tail, next))), ["a7", "a8", "a9"]);
    assert.equal((await bus.bounds()).partitions.get(partition)?.tail, next);
    assert.equal((await bus.bounds(1_000)).partitions.get(partition)?.tail, first);
  });

  Deno.test(`${name}: follow of an empty log yields what is published later, in every partition`, async () => {
    await using log = await harness.createLog({ partitions: 3, ...NO_SERVER });
    await using bus = await harness.openBus(log);
    await using follow = await RecordedFollow.start(bus);
    for (let key = 0; key < 30; key++) await bus.publish(numbered(`${key}.`, 2, `key ${key}`));
    await follow.untilRecords(60);
    const { partitions } = await bus.bounds();
    for (const [partition, { first, next }] of partitions) {
      assert.ok(follow.records(partition).length > 0, `30 keys reach partition ${partition}`);
      assert.deepEqual(follow.texts(partition), textsOf(recordsOf(await readAll(bus, partition, first, next))));
    }
    await follow.close();
  });

  if (isPossible(harness.writeWithHoles)) {
    const write = harness.writeWithHoles;
    Deno.test(`${name}: holes in the offsets are no gap, for a follow and for ranges at every offset`, async () => {
      await using log = await harness.createLog({ partitions: 1, ...NO_SERVER });
      await using bus = await harness.openBus(log);
      const readable = await write(log);
      const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
      await using follow = await RecordedFollow.start(bus, new Map([[0, first]]));
      await follow.untilRecords(readable.length);
      assert.deepEqual(follow.records().map(({ offset, value }) => ({ offset, value })), readable);
      assert.deepEqual(follow.gaps(), []);
      await follow.close();
      for (const [index, { offset }] of readable.entries()) {
        assert.deepEqual(recordsOf(await readAll(bus, 0, offset, next)).length, readable.length - index);
        const after = await readAll(bus, 0, offset + 1n, next);
        assert.ok(after.every((event) => event.kind === "records"), "a hole is not a gap");
        assert.deepEqual(recordsOf(after).length, readable.length - index - 1);
      }
    });
  }
}

function textsOfBoth(first: string, second: string, count: number): string[] {
  const numbers = Array.from({ length: count }, (_, index) => index);
  return [...numbers.map((index) => first + index), ...second === "" ? [] : numbers.map((index) => second + index)];
}
