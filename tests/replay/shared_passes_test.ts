import assert from "node:assert/strict";
import type { Offset } from "../../src/model/position.ts";
import { BusStretches } from "../../src/replay/bus_stretches.ts";
import { ReadGate, SharedPasses, type Stretch } from "../../src/replay/shared_passes.ts";
import { FakeHistory } from "./fake_history.ts";
import { frameAt, scopeOf } from "./frames.ts";

const NEVER = new AbortController().signal;
const SCOPES = [scopeOf("user:1")];
const ALL = { epoch: "e", partition: 0, from: 0n, to: 100n, head: 100n };
const LIMITS = { recordsARead: 1_000, minOffsets: 0n, keepMs: 1_000, maxKeptBytes: 1e9 };

function setUp(limits: Partial<typeof LIMITS> = {}, maxConcurrentReads = 10) {
  const history = new FakeHistory("e", 100n);
  const clock = { nowMs: 0 };
  const { recordsARead, ...passLimits } = { ...LIMITS, ...limits };
  const stretches = new BusStretches(history, recordsARead);
  const passes = new SharedPasses(
    stretches,
    passLimits,
    new ReadGate(maxConcurrentReads),
    () => clock.nowMs,
  );
  const read = async (from: Offset, to: Offset, signal = NEVER) => {
    const { framesOf, ...stretch } = await passes.read({ ...ALL, from, to }, signal);
    return { ...stretch, frames: framesOf(SCOPES) };
  };
  return { history, clock, stretches, passes, read };
}

function summary({ from, next, frames, gap }: Omit<Stretch, "times">) {
  const [first, last] = [frames[0]?.offset, frames.at(-1)?.offset];
  return { from, next, first, last, ...(gap === undefined ? {} : { gap: [gap.from, gap.next, gap.reason, gap.lost] }) };
}

/** Lets everything go on that waits for nothing but promises. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined;
}

Deno.test("SharedPasses.read: gives a stretch that is complete, each record once and in order", async () => {
  const { read } = setUp();
  const { from, next, frames } = await read(5n, 42n);
  assert.deepEqual([from, next], [5n, 42n]);
  assert.deepEqual(frames.map(({ offset }) => offset), Array.from({ length: 37 }, (_, index) => 5n + BigInt(index)));
});

Deno.test("SharedPasses.read: tells the time of the first record that is asked for, whoever began the read", async () => {
  const { history, read } = setUp();
  history.timeOf = (offset) => offset % 2n === 0n ? Number(offset) + 1_000 : 0;
  const since = async (from: Offset) => (await read(from, 100n)).sinceMs;
  assert.deepEqual([await since(10n), await since(42n), await since(43n), await since(99n)], [
    1_010,
    1_042,
    1_044,
    undefined,
  ]);
  assert.equal(history.reads.length, 1);
});

Deno.test("SharedPasses.read: 2,000 who come back near each other cost the log one pass", async () => {
  const { history, read } = setUp();
  history.hold();
  const stretches = Array.from({ length: 2_000 }, (_, index) => read(BigInt(index % 50), 100n));
  history.release();
  for (const [index, stretch] of (await Promise.all(stretches)).entries()) {
    assert.equal(stretch.from, BigInt(index % 50));
    assert.equal(stretch.frames[0]?.offset, stretch.from);
    assert.equal(stretch.frames.at(-1)?.offset, stretch.next - 1n);
  }
  assert.ok(history.recordsRead <= 120, `${history.recordsRead} records were read for 100`);
});

Deno.test("SharedPasses.read: who begins earlier reads only up to where another has begun", async () => {
  const { history, read } = setUp();
  await read(40n, 100n);
  assert.deepEqual(summary(await read(10n, 100n)), { from: 10n, next: 40n, first: 10n, last: 39n });
  assert.deepEqual(history.reads, [[0, 40n, 100n], [0, 10n, 40n]]);
});

Deno.test("SharedPasses.read: a read ends at its limit, and the next begins there", async () => {
  const { read } = setUp({ recordsARead: 25 });
  assert.deepEqual(summary(await read(0n, 100n)), { from: 0n, next: 30n, first: 0n, last: 29n });
  assert.deepEqual(summary(await read(30n, 100n)), { from: 30n, next: 60n, first: 30n, last: 59n });
});

Deno.test("BusStretches.read: a read of large records ends early, so that what is kept has room for many", async () => {
  const { history, read } = setUp();
  const large = (partition: number, offset: Offset) => ({
    ...frameAt(partition, offset),
    bytes: new Uint8Array(1_000_000),
  });
  history.framesOf = (partition, records) => records.map(({ offset }) => large(partition, offset));
  history.batch = 2n;
  assert.equal((await read(0n, 100n)).next, 6n);
  assert.equal(history.recordsRead, 6);
});

Deno.test("SharedPasses.read: who waits beyond the end of a read that stopped short reads on", async () => {
  const { history, read } = setUp({ recordsARead: 10 });
  history.hold();
  const one = read(0n, 100n);
  const other = read(50n, 100n);
  history.release();
  assert.equal((await one).next, 10n);
  assert.deepEqual(summary(await other), { from: 50n, next: 60n, first: 50n, last: 59n });
});

Deno.test("SharedPasses.read: a stretch is kept for those who come just after, as long as they come, and no longer", async () => {
  const { history, clock, read } = setUp();
  for (clock.nowMs = 0; clock.nowMs < 10_000; clock.nowMs += 1_000) await read(10n, 50n);
  assert.equal(history.reads.length, 1);
  clock.nowMs = 10_001;
  await read(10n, 50n);
  assert.equal(history.reads.length, 2);
});

Deno.test("SharedPasses.read: reads ahead of what is asked, never beyond the head, so that those who want a little more find it", async () => {
  const { history, read } = setUp({ minOffsets: 40n });
  assert.deepEqual(summary(await read(10n, 20n)), { from: 10n, next: 20n, first: 10n, last: 19n });
  assert.deepEqual(summary(await read(10n, 33n)), { from: 10n, next: 33n, first: 10n, last: 32n });
  assert.deepEqual(summary(await read(90n, 95n)), { from: 90n, next: 95n, first: 90n, last: 94n });
  assert.deepEqual(history.reads, [[0, 10n, 50n], [0, 90n, 100n]]);
});

Deno.test("SharedPasses.read: each is given the frames of its scopes, in order, a record's in the order of the scopes", async () => {
  const { history, passes } = setUp();
  const scopes = ["user:1", "user:2", "novel:7"].map(scopeOf);
  history.framesOf = (partition, records) =>
    records.flatMap(({ offset }) =>
      scopes.filter((_, index) => offset % BigInt(index + 1) === 0n).map((scope) => ({
        ...frameAt(partition, offset),
        scope,
      }))
    );
  const read = async (...wanted: readonly string[]) => {
    const { framesOf } = await passes.read({ ...ALL, from: 2n, to: 7n }, NEVER);
    return framesOf(wanted.map(scopeOf)).map(({ offset, scope }) => `${offset} ${scope}`);
  };
  assert.deepEqual(await read("novel:7"), ["3 novel:7", "6 novel:7"]);
  assert.deepEqual(await read("novel:7", "user:2"), ["2 user:2", "3 novel:7", "4 user:2", "6 novel:7", "6 user:2"]);
  assert.deepEqual(await read("user:3"), []);
  assert.equal(history.reads.length, 1);
});

Deno.test("SharedPasses.read: a gap stays no longer for being asked for: it may be filled meanwhile", async () => {
  const { history, clock, read } = setUp();
  history.first = 20n;
  assert.ok((await read(0n, 20n)).gap);
  clock.nowMs = 900;
  assert.ok((await read(0n, 20n)).gap);
  history.first = 0n;
  clock.nowMs = 1_001;
  assert.equal((await read(0n, 20n)).gap, undefined);
});

Deno.test("SharedPasses.forget: what was read of a log that was cut back is not given again", async () => {
  const { history, passes, read } = setUp();
  await read(0n, 50n);
  passes.forget(1);
  await read(0n, 50n);
  assert.equal(history.reads.length, 1, "another partition");
  passes.forget(0);
  await read(0n, 50n);
  assert.equal(history.reads.length, 2);
});

Deno.test("SharedPasses.read: keeps no more bytes than its limit, what was not used for longest goes first", async () => {
  const { history, clock, read } = setUp({ maxKeptBytes: 3_000 });
  await read(0n, 20n);
  clock.nowMs = 1;
  await read(50n, 65n);
  await read(50n, 65n);
  assert.equal(history.reads.length, 2);
  await read(0n, 20n);
  assert.equal(history.reads.length, 3, "it had gone");
  await read(0n, 20n);
  assert.equal(history.reads.length, 3);
});

Deno.test("SharedPasses.read: a gap is an answer of its own, behind what came before it", async () => {
  const { history, read } = setUp();
  history.first = 10n;
  assert.deepEqual(summary(await read(4n, 30n)), {
    from: 4n,
    next: 10n,
    first: undefined,
    last: undefined,
    gap: [4n, 10n, "retention", 6],
  });
  assert.deepEqual(summary(await read(10n, 30n)), { from: 10n, next: 30n, first: 10n, last: 29n });
  history.end = 40n;
  assert.deepEqual(summary(await read(30n, 60n)), { from: 30n, next: 40n, first: 30n, last: 39n });
  assert.deepEqual(summary(await read(40n, 60n)).gap, [40n, 60n, "ahead", null]);
});

Deno.test("SharedPasses.read: a gap that others met reaches no further than was asked, and counts nothing that it does not know", async () => {
  const { history, read } = setUp();
  history.first = 40n;
  await read(0n, 60n);
  assert.deepEqual(summary(await read(10n, 20n)).gap, [10n, 20n, "retention", null]);
  assert.deepEqual(summary(await read(0n, 60n)).gap, [0n, 40n, "retention", 40]);
  assert.equal(history.reads.length, 1);
});

Deno.test("SharedPasses.read: a failed read is told to all who waited, and to nobody after them", async () => {
  const { history, read } = setUp();
  history.hold();
  const waiting = [read(0n, 50n), read(10n, 50n), read(20n, 60n)];
  await turns();
  history.release(new Error("gone"));
  for (const result of await Promise.allSettled(waiting)) assert.equal(result.status, "rejected");
  history.heal();
  assert.deepEqual(summary(await read(10n, 50n)), { from: 10n, next: 50n, first: 10n, last: 49n });
});

Deno.test("SharedPasses.read: what was kept of another epoch is never given", async () => {
  const { history, passes, read } = setUp();
  await read(0n, 50n);
  history.epoch = "new";
  const { framesOf } = await passes.read({ ...ALL, epoch: "new", to: 50n }, NEVER);
  assert.equal(framesOf(SCOPES).length, 50);
  assert.equal(history.reads.length, 2);
});

Deno.test("SharedPasses.read: a log that was created anew before or while it was read is a gap", async () => {
  const { history, read } = setUp();
  history.hold();
  const stretch = read(0n, 50n);
  await turns();
  history.epoch = "new";
  history.release();
  assert.deepEqual(summary(await stretch).gap, [0n, 50n, "epoch", null]);
});

Deno.test("SharedPasses.read: who goes away does not take the read from the others", async () => {
  const { history, read } = setUp();
  const leaving = new AbortController();
  history.hold();
  const left = read(0n, 50n, leaving.signal);
  const stays = read(0n, 50n);
  leaving.abort(new Error("client gone"));
  await assert.rejects(left, { message: "client gone" });
  await assert.rejects(read(0n, 50n, leaving.signal), { message: "client gone" });
  history.release();
  assert.equal((await stays).frames.length, 50);
  assert.equal(history.reads.length, 1);
});

Deno.test("BusStretches.bounds: what the log says, or nothing when it cannot be asked", async () => {
  const { history, stretches } = setUp();
  assert.equal((await stretches.bounds())?.partitions.get(0)?.next, 100n);
  history.release(new Error("gone"));
  assert.equal(await stretches.bounds(), undefined);
});

Deno.test("ReadGate.run: runs so many at once and the others in order, also behind one that failed", async () => {
  const gate = new ReadGate(2);
  const started: number[] = [];
  const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const runs = ends.map(({ promise }, index) =>
    gate.run(() => {
      started.push(index);
      return promise;
    })
  );
  await turns();
  assert.deepEqual(started, [0, 1]);
  ends[1]?.reject(new Error("failed"));
  await assert.rejects(runs[1] ?? Promise.resolve());
  assert.deepEqual(started, [0, 1, 2]);
  for (const { resolve } of ends) resolve();
  await Promise.allSettled(runs);
  assert.deepEqual(started, [0, 1, 2, 3]);
});
