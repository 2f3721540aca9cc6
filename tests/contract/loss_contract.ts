import assert from "node:assert/strict";
import { type EventBusHarness, isPossible, numbered } from "./event_bus_harness.ts";
import { type GapEvent, readAll, RecordedFollow, recordsOf, textsOf } from "./recorded_follow.ts";

/** What can no longer be read is announced, before anything later. */
export function describeLoss<Log extends AsyncDisposable>(name: string, harness: EventBusHarness<Log>): void {
  if (isPossible(harness.trim)) describeTrim(name, harness, harness.trim);
  if (isPossible(harness.recreate)) describeRecreation(name, harness, harness.recreate);

  Deno.test(`${name}: follow from beyond the log's end yields the gap ahead, then what comes`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("a", 3));
    const { next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    const from = next + 1_000_000n;
    await using follow = new RecordedFollow(bus, new Map([[0, from]]));
    await follow.until("the gap", () => follow.gaps().length > 0);
    await bus.publish(numbered("b", 2));
    await follow.untilRecords(2);
    assert.deepEqual(follow.gaps(), [{ kind: "gap", partition: 0, from, next, reason: "ahead", lost: null }]);
    assert.deepEqual(follow.texts(), ["b0", "b1"]);
    await follow[Symbol.asyncDispose]();
  });
}

function describeTrim<Log extends AsyncDisposable>(
  name: string,
  harness: EventBusHarness<Log>,
  trim: (log: Log, partition: number, keep: number) => Promise<void>,
): void {
  Deno.test(`${name}: follow and readRange from a trimmed position yield the gap first, then all that is left`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    const offsets = (await bus.publish(numbered("a", 10))).map(({ offset }) => offset);
    await trim(log, 0, 3);
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    assert.equal(first, offsets[7]);
    for (const begin of [0, 4, 6]) {
      const from = offsets[begin] ?? -1n;
      await using follow = new RecordedFollow(bus, new Map([[0, from]]));
      await follow.untilRecords(3);
      const [, gap] = follow.events;
      assertTrimmed(gap?.kind === "gap" ? gap : undefined, from, first, 7 - begin);
      assert.deepEqual(follow.texts(), ["a7", "a8", "a9"]);
      assert.equal(follow.gaps().length, 1);
      await follow.close();
      const events = await readAll(bus, 0, from, next);
      assertTrimmed(events[0]?.kind === "gap" ? events[0] : undefined, from, first, 7 - begin);
      assert.deepEqual(textsOf(recordsOf(events)), ["a7", "a8", "a9"]);
    }
    const lost = await readAll(bus, 0, offsets[1] ?? -1n, offsets[5] ?? -1n);
    assert.deepEqual(lost.map(({ kind, next }) => [kind, next]), [["gap", offsets[5]]], "a range lost as a whole");
  });

  Deno.test(`${name}: a trim loses nothing for positions that are still there, nor for a follow from the first`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("a", 10));
    await trim(log, 0, 3);
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    assert.deepEqual((await readAll(bus, 0, first, next)).map(({ kind }) => kind).includes("gap"), false);
    for (const from of [new Map<number, bigint>(), new Map([[0, first]])]) {
      await using follow = new RecordedFollow(bus, from);
      await follow.untilRecords(3);
      assert.deepEqual(follow.texts(), ["a7", "a8", "a9"]);
      assert.deepEqual(follow.gaps(), []);
      await follow.close();
    }
  });

  Deno.test(`${name}: a slow follow that a trim passes is told what it lost, and goes on from there`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await using follow = await RecordedFollow.start(bus);
    follow.hold();
    await bus.publish(numbered("a", 1));
    await follow.untilRecords(1);
    // More than any bus fetches ahead of its sink.
    for (let batch = 0; batch < 10; batch++) await bus.publish(numbered(`${batch}.`, 1_000));
    await trim(log, 0, 2);
    follow.release();
    await follow.until("the last record", () => follow.texts().at(-1) === "9.999");
    const [gap] = follow.gaps();
    const read = follow.records().length;
    assert.equal(follow.gaps().length, 1);
    assert.ok(
      gap !== undefined && (gap.lost === null || gap.lost === 10_001 - read),
      `lost ${gap?.lost}, read ${read}`,
    );
    assert.ok(gap.reason === "trimmed" || gap.reason === "retention");
    assert.deepEqual(follow.texts().slice(-2), ["9.998", "9.999"]);
    await follow.close();
  });
}

function assertTrimmed(gap: GapEvent | undefined, from: bigint, next: bigint, lost: number): void {
  assert.ok(gap, "the gap comes before any record");
  assert.deepEqual([gap.from, gap.next], [from, next]);
  assert.ok(gap.reason === "trimmed" || gap.reason === "retention", gap.reason);
  assert.ok(gap.lost === null || gap.lost === lost, `lost ${gap.lost}, not ${lost}`);
}

function describeRecreation<Log extends AsyncDisposable>(
  name: string,
  harness: EventBusHarness<Log>,
  recreate: (log: Log) => Promise<void>,
): void {
  Deno.test(`${name}: a log created anew has another epoch, and a follow announces it before its records`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("old", 5));
    const before = await bus.bounds();
    await using follow = await RecordedFollow.start(bus);
    await follow.untilRecords(5);
    await recreate(log);
    await follow.until("the new epoch", () => follow.events.some(({ kind }) => kind === "epoch-changed"));
    await bus.publish(numbered("new", 5));
    await follow.untilRecords(10);
    const after = await bus.bounds();
    assert.notEqual(after.epoch, before.epoch);
    const changes = follow.events.filter((event) => event.kind === "epoch-changed");
    assert.deepEqual(changes.map(({ bounds }) => bounds.epoch), [after.epoch]);
    const change = follow.events.findIndex(({ kind }) => kind === "epoch-changed");
    assert.deepEqual(textsOf(recordsOf(follow.events.slice(0, change))), ["old0", "old1", "old2", "old3", "old4"]);
    assert.deepEqual(textsOf(recordsOf(follow.events.slice(change))), ["new0", "new1", "new2", "new3", "new4"]);
    await follow.close();
  });

  Deno.test(`${name}: positions are of the log that was followed, whoever asked for the new one's bounds meanwhile`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("old", 5));
    await bus.bounds();
    {
      await using follow = await RecordedFollow.start(bus);
      await follow.untilRecords(5);
      await follow.close();
    }
    await recreate(log);
    await bus.publish(numbered("new", 8));
    const { epoch } = await bus.bounds();
    const from = new Map([[0, 5n]]);
    await using again = await RecordedFollow.start(bus, from);
    await again.untilRecords(8);
    assert.deepEqual(again.events.flatMap((event) => event.kind === "epoch-changed" ? event.bounds.epoch : []), [
      epoch,
    ]);
    assert.deepEqual(textsOf(recordsOf(again.events)), Array.from({ length: 8 }, (_, index) => `new${index}`));
    await again.close();
    // Led into the new log once, the next follow stands there.
    await using third = await RecordedFollow.start(bus, new Map([[0, 3n]]));
    await third.untilRecords(5);
    assert.ok(!third.events.some(({ kind }) => kind === "epoch-changed"));
    await third.close();
  });

  Deno.test(`${name}: a log created anew and grown past the old end while nobody looked still has another epoch`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    let epoch: string;
    {
      await using bus = await harness.openBus(log);
      await bus.publish(numbered("old", 5));
      ({ epoch } = await bus.bounds());
    }
    await recreate(log);
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("new", 50));
    assert.notEqual((await bus.bounds()).epoch, epoch);
  });
}
