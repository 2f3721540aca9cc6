import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import type { Gap } from "../../src/model/gap.ts";
import type { Offset } from "../../src/model/position.ts";
import type { PositionVector } from "../../src/model/position_vector.ts";
import type { Scope } from "../../src/model/scope.ts";
import { awaitEpochs } from "../../src/replay/await_epochs.ts";
import { Journal, type JournalLimits } from "../../src/replay/journal.ts";
import {
  replay,
  type ReplayContext,
  type ReplayLimits,
  type ReplayTarget,
  type Rung,
} from "../../src/replay/replay.ts";
import { BusStretches } from "../../src/replay/bus_stretches.ts";
import { ReplayTurns } from "../../src/replay/replay_turns.ts";
import { ReadGate, SharedPasses, type StretchSource } from "../../src/replay/shared_passes.ts";
import { parseCursor } from "../../src/wire/cursor.ts";
import type { Frame } from "../../src/wire/frame.ts";
import type { Page } from "../../src/wire/page.ts";
import { blocksOf } from "../wire/blocks_of.ts";
import { FakeHistory } from "./fake_history.ts";
import { messageTo, positions, scopeOf, WIDE } from "./frames.ts";

const LIMITS: ReplayLimits = {
  maxEvents: 1_000,
  maxBytes: 1e9,
  maxScannedRecords: 1e6,
  maxAheadWaitMs: 5_000,
  maxUnreadableMs: 0,
};
const NEVER = new AbortController().signal;

/** Takes all that it is given, and as many pages as it has room for. */
class FakeTarget implements ReplayTarget {
  scopes: readonly Scope[] = [scopeOf("user:1")];
  /** Offsets of events, and reasons of gaps, in the order in which they came. */
  readonly told: (Offset | string)[] = [];
  readonly frames: Frame[] = [];
  /** As sent, of each frame. */
  readonly blocks: string[] = [];
  /** Of each frame. */
  readonly cursors: string[] = [];
  readonly gaps: (Gap & { readonly cursor: string | undefined })[] = [];
  pages = 0;
  room: () => Promise<void> = () => Promise.resolve();

  accepts(frame: Frame): boolean {
    return frame.event !== "task.hidden";
  }

  offer(page: Page): void {
    this.pages++;
    for (const frame of page.frames) {
      this.frames.push(frame);
      this.told.push(frame.offset);
    }
    for (const block of blocksOf(page)) {
      this.blocks.push(block);
      this.cursors.push(/^id: (.*)\n/.exec(block)?.[1] ?? "");
    }
  }

  announce(gap: Gap, cursor: string | undefined): void {
    this.gaps.push({ ...gap, cursor });
    this.told.push(gap.reason);
  }
}

interface Setup {
  readonly journal?: Partial<JournalLimits>;
  readonly limits?: Partial<ReplayLimits>;
  readonly start?: PositionVector;
  /** Rungs above the log, each a history of its own. */
  readonly above?: readonly FakeHistory[];
}

/** A node that has read one source from `start` on, and the log behind it. */
function setUp({ journal: journalLimits, limits, start = positions([0n]), above = [] }: Setup = {}) {
  const journal = new Journal({ ...WIDE, ...journalLimits }, start);
  const history = new FakeHistory("epoch of s0", 1_000n);
  const gate = new ReadGate(1);
  const stretches = new BusStretches(history, 1_000);
  const passesOf = (source: StretchSource) =>
    new SharedPasses(source, { minOffsets: 0n, keepMs: 0, maxKeptBytes: 1e9 }, gate, () => performance.now());
  const rungs: Rung[] = [
    ...above.map((history): Rung => ({ origin: "redis", passes: passesOf(new BusStretches(history, 1_000)) })),
    { origin: "bus", passes: passesOf(stretches) },
  ];
  const context: ReplayContext = {
    journal,
    histories: [{ rungs, bounds: () => stretches.bounds() }],
    limits: { ...LIMITS, ...limits },
    turns: new ReplayTurns({ maxUnderWay: 10, maxInFlightBytes: 1e9 }, () => 0),
  };
  const target = new FakeTarget();
  const append = (from: number, to: number, partition = 0) => {
    for (let offset = from; offset < to; offset++) {
      journal.append(0, partition, BigInt(offset), [messageTo("user:1")], 0);
    }
  };
  const run = async (at: PositionVector, signal = NEVER) => {
    const heads: string[] = [];
    await replay(context, target, at, (replayed, origin) => heads.push(`${replayed} from ${origin}`), signal);
    return heads;
  };
  return { journal, history, context, target, append, run };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => BigInt(from + index));

Deno.test("replay: what the journal has comes from it alone, and leaves the positions at the head", async () => {
  const { journal, history, target, append, run } = setUp();
  append(0, 10);
  const at = positions([4n]);
  assert.deepEqual(await run(at), ["6 from journal"]);
  assert.deepEqual(target.told, range(4, 10));
  assert.equal(at.next(0, 0), journal.positions.next(0, 0));
  assert.equal(history.reads.length, 0);
});

Deno.test("replay: below the journal's floor it reads the log, then the journal, without a seam", async () => {
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 } });
  append(0, 30);
  assert.deepEqual(await run(positions([3n])), ["27 from bus"]);
  assert.deepEqual(target.told, range(3, 30));
  assert.deepEqual(history.reads, [[0, 3n, 25n]]);
});

Deno.test("replay: goes on where it stands when the journal has moved on meanwhile", async () => {
  const { target, append, run } = setUp({ journal: { maxEvents: 5 }, limits: { pageFrames: 2 } });
  append(0, 30);
  let rooms = 0;
  target.room = () => {
    if (++rooms < 4) append(30 + rooms * 5 - 5, 30 + rooms * 5);
    return Promise.resolve();
  };
  await run(positions([3n]));
  assert.deepEqual(target.told, range(3, 45));
});

Deno.test("replay: a journal that moves on with every read, however short it is, is caught up with", async () => {
  const { history, target, append, run } = setUp({ journal: { maxEvents: 20 }, start: positions([0n, 0n]) });
  let end = 0;
  const grow = (count: number) => {
    for (const partition of [0, 1]) append(end, end + count, partition);
    end += count;
  };
  grow(30);
  const readRange = history.readRange.bind(history);
  history.readRange = (...range) => {
    // Something has come meanwhile, in both partitions; one that never arrives must fail the test, not hang it.
    if (history.reads.length < 100) grow(4);
    return readRange(...range);
  };
  assert.deepEqual(await run(positions([3n, 3n])), [`${2 * (end - 3)} from bus`]);
  assert.ok(history.reads.length < 12, `${history.reads.length} reads`);
  for (const partition of [0, 1]) {
    const frames = target.frames.filter((frame) => frame.partition === partition);
    assert.deepEqual(frames.map(({ offset }) => offset), range(3, end));
  }
});

Deno.test("replay: waits for room between two pages", async () => {
  const { target, append, run } = setUp({ limits: { pageFrames: 4 } });
  append(0, 10);
  const pages: number[] = [];
  target.room = () => {
    pages.push(target.frames.length);
    return Promise.resolve();
  };
  await run(positions([0n]));
  assert.deepEqual(pages, [4, 8]);
});

Deno.test("replay: the look at the head and joining are one turn", async () => {
  const { journal, context, target, append } = setUp();
  append(0, 3);
  let joinedAt = -1;
  let isOver = false;
  const running = replay(context, target, positions([0n]), () => joinedAt = journal.headSeq, NEVER).then(() =>
    isOver = true
  );
  // Whatever runs between two turns of the replay finds it joined with all that was there.
  while (!isOver) {
    if (joinedAt >= 0) assert.equal(target.frames.length, joinedAt);
    else append(target.frames.length + 3, target.frames.length + 4);
    await undefined;
  }
  await running;
});

Deno.test("replay: a gap of the log is told at its place", async () => {
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 } });
  append(0, 30);
  history.first = 8n;
  await run(positions([3n]));
  assert.deepEqual(target.told, ["retention", ...range(8, 30)]);
  const [gap] = target.gaps;
  assert.deepEqual([gap?.from, gap?.next, gap?.lost, gap?.resync], [3n, 8n, 5, true]);
});

Deno.test("replay: a gap that the node has met begins where the client stands, who was further at another node", async () => {
  const { journal, target, append, run } = setUp({ start: positions([0n, 0n]) });
  const gap = { source: "s0", partition: 0, from: 0n, next: 8n, reason: "retention", lost: 8, resync: true } as const;
  journal.announce(0, gap, 0);
  append(0, 5, 1);
  assert.deepEqual(await run(positions([3n, 4n])), ["1 from journal"]);
  assert.deepEqual(target.told, [7n, 4n]);
  assert.match(target.blocks[0] ?? "", /"from":"3","to":"7","reason":"retention","lost":null/);
  // The gap's own cursor would set the client back in the other partition.
  assert.deepEqual(parseCursor(target.cursors[0] ?? "", journal.positions.sources), {
    kind: "cursor",
    sources: [{ kind: "positions", next: [8n, 4n] }],
  });
});

Deno.test("replay: a log that cannot be read for a while is asked again, and nobody is told of a gap", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, limits: { maxUnreadableMs: 20_000 } });
    append(0, 30);
    history.release(new Error("down"));
    const over = run(positions([3n]));
    await clock.tickAsync(19_000);
    assert.deepEqual([target.told, history.reads.length > 10], [[], true]);
    history.heal();
    await clock.tickAsync(1_000);
    assert.deepEqual(await over, ["27 from bus"]);
    assert.deepEqual(target.told, range(3, 30));
  } finally {
    clock.uninstall();
  }
});

Deno.test("replay: a log that cannot be read for longer is a gap, and whoever leaves meanwhile is let go", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, limits: { maxUnreadableMs: 20_000 } });
    append(0, 30);
    history.release(new Error("down"));
    const leaving = new AbortController();
    const left = assert.rejects(run(positions([3n]), leaving.signal), /gone/);
    await clock.tickAsync(3_000);
    leaving.abort(new Error("gone"));
    await clock.tickAsync(1_000);
    await left;
    const over = run(positions([3n]));
    await clock.tickAsync(21_000);
    await over;
    assert.deepEqual(target.told, ["source-reset", ...range(25, 30)]);
  } finally {
    clock.uninstall();
  }
});

Deno.test("replay: a history that cannot be read is a gap up to the journal", async () => {
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 } });
  append(0, 30);
  history.release(new Error("down"));
  await run(positions([3n]));
  assert.deepEqual(target.told, ["source-reset", ...range(25, 30)]);
});

Deno.test("replay: a rung that has all of it answers alone, and the deepest one that was used is told", async () => {
  const redis = new FakeHistory("epoch of s0", 1_000n);
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, above: [redis] });
  append(0, 30);
  assert.deepEqual(await run(positions([3n])), ["27 from redis"]);
  assert.deepEqual(target.told, range(3, 30));
  assert.deepEqual([redis.reads.length, history.reads.length], [1, 0]);
});

Deno.test("replay: what a rung cannot prove is the next one's, and only that", async () => {
  const redis = new FakeHistory("epoch of s0", 1_000n);
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, above: [redis] });
  append(0, 30);
  redis.first = 9n;
  assert.deepEqual(await run(positions([3n])), ["27 from bus"]);
  assert.deepEqual(target.told, range(3, 30));
  assert.deepEqual(history.reads, [[0, 3n, 9n]]);
});

Deno.test("replay: what no rung can prove is a gap of exactly that, ahead of the rest", async () => {
  const redis = new FakeHistory("epoch of s0", 1_000n);
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, above: [redis] });
  append(0, 30);
  redis.first = 9n;
  history.first = 20n;
  assert.deepEqual(await run(positions([3n])), ["21 from redis"]);
  assert.deepEqual(target.told, ["retention", ...range(9, 30)]);
  assert.deepEqual([target.gaps[0]?.from, target.gaps[0]?.next], [3n, 9n]);
});

Deno.test("replay: a rung that is down is passed over; when the log is down too, the rest up to the journal is a gap", async () => {
  const redis = new FakeHistory("epoch of s0", 1_000n);
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, above: [redis] });
  append(0, 30);
  redis.release(new Error("down"));
  assert.deepEqual(await run(positions([3n])), ["27 from bus"]);
  history.release(new Error("down"));
  assert.deepEqual(await run(positions([3n])), ["5 from journal"]);
  assert.deepEqual(target.told, [...range(3, 30), "source-reset", ...range(25, 30)]);
});

Deno.test("replay: a rung full of breaks does not cut the log's read into pieces without end", async () => {
  const redis = new FakeHistory("epoch of s0", 1_000n);
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, above: [redis] });
  append(0, 100);
  redis.readRange = async function* (partition, from) {
    await undefined;
    yield { kind: "gap", partition, from, next: from + 1n, reason: "trimmed", lost: null };
  };
  assert.deepEqual(await run(positions([0n])), ["100 from bus"]);
  assert.deepEqual(target.told, range(0, 100));
  assert.equal(history.reads.length, 9);
});

Deno.test("replay: a stretch is handed out in turns of a page, each frame with its own cursor", async () => {
  const { target, append, run, history } = setUp({ journal: { maxEvents: 5 }, limits: { pageFrames: 4 } });
  append(0, 30);
  const pages: number[] = [];
  target.room = () => Promise.resolve(void pages.push(target.frames.length));
  await run(positions([3n]));
  assert.deepEqual(target.told, range(3, 30));
  assert.deepEqual(pages.slice(0, 4), [4, 8, 12, 16]);
  assert.deepEqual(history.reads[1], [0, 7n, 25n], "nothing is held for a reader between its turns");
});

Deno.test("replay: of a crowd that shares one read only as many are served as bytes may be on their way", async () => {
  const { context, history, append } = setUp({ journal: { maxEvents: 5 } });
  append(0, 400);
  const frameBytes = 110;
  const turns = new ReplayTurns({ maxUnderWay: 1_000, maxInFlightBytes: 100 * frameBytes }, () => 0);
  const readers: (() => void)[] = [];
  const crowd = Array.from({ length: 200 }, () => {
    const target = new FakeTarget();
    target.room = () => new Promise((resolve) => readers.push(resolve));
    const limits = { ...context.limits, pageFrames: 10 };
    return { target, over: replay({ ...context, limits, turns }, target, positions([0n]), () => {}, NEVER) };
  });
  let mostBytes = 0;
  for (let round = 0; crowd.some(({ target }) => target.told.length < 400); round++) {
    assert.ok(round < 20_000);
    for (let turn = 0; turn < 20; turn++) await undefined;
    mostBytes = Math.max(mostBytes, turns.bytesInFlight);
    for (const take of readers.splice(0)) take();
    if (round % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  for (const take of readers.splice(0)) take();
  await Promise.all(crowd.map(({ over }) => over));
  for (const { target } of crowd) assert.deepEqual(target.told, range(0, 400));
  assert.ok(mostBytes > 0 && mostBytes <= 100 * frameBytes + 10 * 2 * frameBytes, `${mostBytes} bytes`);
  assert.equal(turns.bytesInFlight, 0);
  assert.ok(history.reads.length > 0);
});

Deno.test("replay: a client whose first missed event is older than the limit gets a gap, when what is read tells its time", async () => {
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, limits: { maxAgeMs: 60_000 } });
  append(0, 30);
  history.timeOf = () => Date.now() - 50_000;
  assert.deepEqual(await run(positions([3n])), ["27 from bus"]);
  history.timeOf = () => Date.now() - 70_000;
  assert.deepEqual(await run(positions([3n])), ["0 from journal"]);
  assert.deepEqual(target.told.slice(27), ["replay-limit"]);
  assert.deepEqual([target.gaps[0]?.from, target.gaps[0]?.next], [3n, 30n]);
});

Deno.test("replay: a scope that is withdrawn while the log is read is not sent, and one that is granted is", async () => {
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 } });
  append(0, 30);
  history.hold();
  target.scopes = ["user:1", "global"].map(scopeOf);
  const over = run(positions([3n]));
  for (let turn = 0; turn < 20; turn++) await undefined;
  assert.equal(history.reads.length, 1);
  target.scopes = [scopeOf("global")];
  history.release();
  await over;
  assert.deepEqual(target.told, []);

  target.told.length = 0;
  history.hold();
  const again = run(positions([3n]));
  for (let turn = 0; turn < 20; turn++) await undefined;
  target.scopes = [scopeOf("user:1")];
  history.release();
  await again;
  assert.deepEqual(target.told, range(3, 30));
});

Deno.test("replay: what a filter or the audience keeps back is passed over and not counted", async () => {
  const { journal, target, append, run } = setUp({ limits: { maxEvents: 3 } });
  for (let offset = 0n; offset < 20n; offset++) {
    journal.append(0, 0, offset, [messageTo("user:1", { event: "task.hidden" })], 0);
  }
  append(20, 23);
  assert.deepEqual(await run(positions([0n])), ["3 from journal"]);
  assert.deepEqual(target.told, range(20, 23));
});

Deno.test("replay: more events than one reconnect may have are told as a gap, not sent in part", async () => {
  const { target, append, run } = setUp({ limits: { maxEvents: 5 } });
  append(0, 10);
  assert.deepEqual(await run(positions([4n])), ["0 from journal"]);
  assert.deepEqual(target.told, ["replay-limit"]);
  assert.deepEqual([target.gaps[0]?.from, target.gaps[0]?.next, target.gaps[0]?.resync], [4n, 10n, true]);
});

Deno.test("replay: as many as are allowed come all", async () => {
  const { target, append, run } = setUp({ limits: { maxEvents: 6 } });
  append(0, 10);
  await run(positions([4n]));
  assert.deepEqual(target.told, range(4, 10));
});

Deno.test("replay: what would cost the log too much is not read", async () => {
  const { history, target, append, run } = setUp({ journal: { maxEvents: 5 }, limits: { maxScannedRecords: 10 } });
  append(0, 30);
  await run(positions([3n]));
  assert.deepEqual(target.told, ["replay-limit"]);
  assert.equal(history.reads.length, 0);
});

Deno.test("replay: of large events one turn hands out few, and the limit in bytes holds to within a page", async () => {
  const { journal, target, run } = setUp({ limits: { maxBytes: 1_000_000 } });
  const text = "x".repeat(100_000);
  for (let offset = 0n; offset < 50n; offset++) {
    journal.append(0, 0, offset, [messageTo("user:1", { data: { text } })], 0);
  }
  await run(positions([45n]));
  assert.deepEqual([target.told, target.pages], [range(45, 50), 3]);
  await run(positions([0n]));
  const bytes = target.frames.slice(5).reduce((sum, frame) => sum + frame.bytes.length, 0);
  assert.ok(bytes > 1_000_000 && bytes < 1_300_000, `${bytes} bytes`);
  assert.equal(target.told.at(-1), "replay-limit");
});

Deno.test("replay: more bytes than one reconnect may have end it with a gap", async () => {
  const { target, append, run } = setUp({ limits: { maxBytes: 500, pageFrames: 2 } });
  append(0, 20);
  await run(positions([0n]));
  assert.equal(target.told.at(-1), "replay-limit");
  assert.ok(target.frames.length < 10);
  assert.equal(target.gaps[0]?.from, BigInt(target.frames.length));
});

Deno.test("replay: a partition that was added while the client climbs is read once", async () => {
  const { journal, target, append, run } = setUp({ limits: { pageFrames: 2 } });
  append(0, 6);
  target.room = () => {
    if (journal.positions.next(0, 1) === undefined) {
      journal.addPartition(0, 1, 0n);
      append(0, 6, 1);
      append(6, 9);
    }
    return Promise.resolve();
  };
  await run(positions([0n]));
  assert.deepEqual(target.frames.filter(({ partition }) => partition === 0).map(({ offset }) => offset), range(0, 9));
  assert.deepEqual(target.frames.filter(({ partition }) => partition === 1).map(({ offset }) => offset), range(0, 6));
});

Deno.test("replay: no id sets the client back, whatever node it comes from and whatever it climbs over", async () => {
  const { journal, target, append, run } = setUp({
    start: positions([0n, 0n]),
    journal: { maxEvents: 8 },
    limits: { pageFrames: 2 },
  });
  for (let offset = 0; offset < 12; offset++) {
    append(offset, offset + 1);
    append(offset, offset + 1, 1);
  }
  let rooms = 0;
  target.room = () => {
    if (++rooms === 2) append(12, 30);
    return Promise.resolve();
  };
  const at = positions([2n, 10n]);
  await run(at);
  let last = [2n, 10n];
  for (const [index, frame] of target.frames.entries()) {
    const parsed = parseCursor(target.cursors[index] ?? "", journal.positions.sources);
    assert.ok(parsed.kind === "cursor" && parsed.sources[0]?.kind === "positions");
    const next = parsed.sources[0].next.map((offset) => offset ?? 0n);
    assert.ok(next.every((offset, partition) => offset >= (last[partition] ?? 0n)), `${next} after ${last}`);
    assert.equal(next[frame.partition], frame.offset + 1n);
    last = next;
  }
  assert.deepEqual(target.frames.filter(({ partition }) => partition === 0).map(({ offset }) => offset), range(2, 30));
});

Deno.test("replay: a log that is created anew under a climbing client is told, the last gap under the new epoch", async () => {
  const { journal, target, append, run } = setUp({ limits: { pageFrames: 2 } });
  append(0, 6);
  target.room = () => {
    if (journal.positions.sources[0]?.epoch !== "new") {
      journal.restart(0, "new", [0n, 0n]);
      append(0, 3);
    }
    return Promise.resolve();
  };
  await run(positions([0n]));
  assert.deepEqual(target.told, [0n, 1n, "epoch", "epoch"]);
  assert.deepEqual(target.gaps.map(({ partition, next, cursor }) => [partition, next, cursor !== undefined]), [
    [0, 3n, false],
    [1, 0n, true],
  ]);
  assert.deepEqual(parseCursor(target.gaps[1]?.cursor ?? "", journal.positions.sources), {
    kind: "cursor",
    sources: [{ kind: "positions", next: [3n, 0n] }],
  });
});

Deno.test("replay: ends with the stream that it is for", async () => {
  const { target, append, run } = setUp({ limits: { pageFrames: 1 } });
  append(0, 5);
  target.room = () => Promise.reject(new DOMException("The stream is over", "AbortError"));
  await assert.rejects(run(positions([0n])), { name: "AbortError" });
  assert.equal(target.frames.length, 1);
});

/** Runs with a clock that only the test moves; gives what of the run is told, and when it is over. */
async function inFakeTime<Result>(run: (tick: (ms: number) => Promise<void>) => Promise<Result>): Promise<Result> {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    return await run(async (ms) => void await clock.tickAsync(ms));
  } finally {
    clock.uninstall();
  }
}

Deno.test("replay: a node that has not read as far as the cursor is waited for, and nothing is told", async () => {
  await inFakeTime(async (tick) => {
    const { target, append, run } = setUp();
    append(0, 5);
    const running = run(positions([8n]));
    await tick(1_000);
    assert.deepEqual(target.told, []);
    append(5, 10);
    await tick(30);
    assert.deepEqual(await running, ["2 from journal"]);
    assert.deepEqual(target.told, [8n, 9n]);
  });
});

Deno.test("replay: the wait has an end, one for all partitions, also when the log cannot be asked", async () => {
  for (const isDown of [false, true]) {
    await inFakeTime(async (tick) => {
      const { history, target, append, run } = setUp({ start: positions([0n, 0n]) });
      if (isDown) history.release(new Error("down"));
      history.bounds = () =>
        isDown ? Promise.reject(new Error("down")) : Promise.resolve({
          epoch: "epoch of s0",
          partitions: new Map([[0, { next: 100n }], [1, { next: 100n }]]),
        });
      append(0, 5);
      const running = run(positions([8n, 9n]));
      await tick(4_900);
      assert.deepEqual(target.told, []);
      await tick(200);
      await running;
      assert.deepEqual(target.gaps.map(({ partition, from, next, reason }) => [partition, from, next, reason]), [
        [0, 5n, 5n, "ahead"],
        [1, 0n, 0n, "ahead"],
      ]);
    });
  }
});

Deno.test("replay: a cursor beyond the log's own end is told at once", async () => {
  const { history, target, append, run } = setUp();
  history.end = 7n;
  append(0, 5);
  await run(positions([8n]));
  assert.deepEqual(target.told, ["ahead"]);
  assert.deepEqual([target.gaps[0]?.from, target.gaps[0]?.next], [5n, 5n]);
});

Deno.test("replay: partitions that no log has are told once, however many a cursor names", async () => {
  const { journal, target, append, run } = setUp();
  append(0, 5);
  await run(positions([3n, ...range(1, 900)]));
  assert.deepEqual(target.told, ["ahead", 3n, 4n]);
  const parsed = parseCursor(target.gaps[0]?.cursor ?? "", journal.positions.sources);
  assert.deepEqual(parsed, { kind: "cursor", sources: [{ kind: "positions", next: [3n, 0n] }] });
});

Deno.test("replay: a partition that only another node knows is waited for", async () => {
  await inFakeTime(async (tick) => {
    const { journal, history, target, append, run } = setUp();
    history.bounds = () =>
      Promise.resolve({ epoch: "epoch of s0", partitions: new Map([[0, { next: 5n }], [1, { next: 9n }]]) });
    append(0, 5);
    const running = run(positions([5n, 4n]));
    await tick(100);
    journal.addPartition(0, 1, 0n);
    append(0, 9, 1);
    await tick(30);
    await running;
    assert.deepEqual(target.told, range(4, 9));
  });
});

Deno.test("awaitEpochs: waits until the node has met the log's new epoch, and not for an old one", async () => {
  await inFakeTime(async (tick) => {
    const { journal, history, context } = setUp();
    let isOver = false;
    await awaitEpochs(context, [{ kind: "other-epoch" }], NEVER);
    history.epoch = "new";
    await awaitEpochs(context, [{ kind: "positions", next: [] }], NEVER);
    const waiting = awaitEpochs(context, [{ kind: "other-epoch" }], NEVER).then(() => isOver = true);
    await tick(1_000);
    assert.ok(!isOver);
    journal.restart(0, "new", [0n]);
    await tick(30);
    assert.ok(isOver);
    await waiting;
  });
});

Deno.test("awaitEpochs: its wait has an end, and ends with the stream", async () => {
  await inFakeTime(async (tick) => {
    const { history, context } = setUp();
    history.epoch = "new";
    const waiting = awaitEpochs(context, [{ kind: "other-epoch" }], NEVER);
    await tick(5_100);
    await waiting;
    const stream = new AbortController();
    const left = awaitEpochs(context, [{ kind: "other-epoch" }], stream.signal);
    await tick(100);
    stream.abort(new Error("client gone"));
    const rejected = assert.rejects(left, { message: "client gone" });
    await tick(100);
    await rejected;
  });
});
