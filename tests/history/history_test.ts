/** The way into a history and out of it, on a store in memory: what is proved, and what is not. */
import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { HistoryChain, runStart } from "../../src/history/history_chain.ts";
import { HistoryHealth } from "../../src/history/history_health.ts";
import { StoreFailure } from "../../src/history/history_store.ts";
import { HistoryStretches } from "../../src/history/history_stretches.ts";
import { HistoryWriter } from "../../src/history/history_writer.ts";
import { Spool } from "../../src/history/spool.ts";
import type { Offset } from "../../src/model/position.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { frameAt, messageTo } from "../replay/frames.ts";
import { DOWN, FakeStore } from "./fake_store.ts";

const keyOf = (epoch: string, partition: number) => `${epoch}/${partition}`;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

/** One node's history of one source of one partition, written when the test says so. */
class Node {
  readonly states: string[] = [];
  readonly dropped: number[] = [];
  readonly health = new HistoryHealth((state) => this.states.push(state));
  readonly spool: Spool;
  readonly writer: HistoryWriter;
  readonly chain: HistoryChain;
  readonly stretches: HistoryStretches;
  written = 0;

  constructor(store: FakeStore, start = 0n, maxSpoolBytes = 1e9) {
    this.spool = new Spool(maxSpoolBytes, () => this.dropped.push(1));
    this.writer = new HistoryWriter({
      store,
      spool: this.spool,
      health: this.health,
      maxAgeMs: 3_600_000,
      keepRuns: (lingeredMs) => this.chain.keepRuns(lingeredMs),
      cover: () => this.chain.cover(),
      isForeign: (key, entry) => this.chain.isBeyond(key, entry),
      keys: () => this.chain.keys,
      onWritten: (entries) => this.written += entries,
    });
    const sink = {
      keep: this.writer.keep.bind(this.writer),
      void: this.writer.void.bind(this.writer),
    };
    this.chain = new HistoryChain(sink, keyOf, { epoch: "e", next: [start] }, Date.now);
    const isVoid = (key: string) => this.writer.isVoid(key);
    this.stretches = new HistoryStretches({ store, health: this.health, sourceIndex: 0, keyOf, isVoid });
  }

  /** Takes in events at the offsets, each of its own second: an entry each. */
  take(...offsets: readonly number[]): void {
    for (const offset of offsets) this.append(offset, offset * 1_000);
    this.chain.keepRuns(0);
  }

  append(offset: number, timestampMs: number, text = ""): void {
    const message = messageTo("user:1", { data: text === "" ? {} : { text } });
    const place = { seq: -1, sourceIndex: 0, partition: 0, offset: BigInt(offset) };
    this.chain.append(0, BigInt(offset), timestampMs, [encodeFrame(message, "", place)]);
  }

  /** `[offsets] to next`, or the break. */
  async read(from: Offset, to: Offset): Promise<string> {
    const { frames, next, gap } = await this.stretches.read("e", 0, from, to);
    return gap === undefined
      ? `${frames.map(({ offset }) => offset).join()} to ${next}`
      : `break ${gap.from} to ${gap.next}`;
  }
}

Deno.test("HistoryStretches.read: what a chain has kept is complete, over its pages and the log's holes", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(2, 3, 7, 8, 9, 20);
  await node.writer.write();
  assert.equal(await node.read(0n, 21n), "2,3,7,8,9,20 to 21");
  assert.equal(await node.read(4n, 9n), "7,8 to 9");
  assert.equal(await node.read(10n, 15n), " to 15", "the next entry proves that nothing is in between");
});

Deno.test("HistoryStretches.read: a record with several frames gives all of them, without cursor and at its place", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.chain.append(0, 4n, 0, [frameAt(0, 4n), frameAt(0, 4n)]);
  node.chain.keepRuns(0);
  await node.writer.write();
  const { frames, times } = await node.stretches.read("e", 0, 0n, 5n);
  assert.deepEqual(frames.map(({ seq, sourceIndex, partition, offset }) => [seq, sourceIndex, partition, offset]), [
    [-1, 0, 0, 4n],
    [-1, 0, 0, 4n],
  ]);
  assert.deepEqual(times, [{ offset: 4n, atMs: store.logs.get("e/0")?.[0]?.atMs }]);
});

Deno.test("HistoryStretches.read: a read of large records ends early, so that what is kept has room for many", async () => {
  const node = new Node(new FakeStore());
  for (let offset = 0; offset < 100; offset++) node.append(offset, offset * 1_000, "x".repeat(100_000));
  node.chain.keepRuns(0);
  while (node.spool.entryCount > 0) await node.writer.write();
  assert.match(await node.read(0n, 100n), / to 4[2-5]$/);
});

Deno.test("HistoryStretches.read: what is behind the last entry is not proved", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  assert.equal(await node.read(0n, 5n), "break 0 to 5");
  node.take(2);
  await node.writer.write();
  assert.equal(await node.read(0n, 5n), "2 to 3");
  assert.equal(await node.read(3n, 5n), "break 3 to 5");
});

Deno.test("HistoryStretches.read: a trimmed front, a deleted entry and a lost tail are breaks of exactly that", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0, 1, 2, 3, 4, 5, 6);
  await node.writer.write();
  const log = store.logs.get("e/0") ?? [];
  log.splice(3, 1);
  assert.equal(await node.read(0n, 7n), "0,1,2 to 3");
  assert.equal(await node.read(3n, 7n), "break 3 to 4");
  assert.equal(await node.read(4n, 7n), "4,5,6 to 7");
  log.splice(0, 2);
  assert.equal(await node.read(0n, 7n), "break 0 to 2");
  log.splice(-2);
  node.take(7);
  await node.writer.write();
  assert.equal(await node.read(4n, 8n), "4 to 5");
  assert.equal(await node.read(5n, 8n), "break 5 to 7");
  assert.equal(await node.read(7n, 8n), "7 to 8");
});

Deno.test("HistoryStretches.read: another epoch's entries are another log's", async () => {
  const node = new Node(new FakeStore());
  node.take(0, 1);
  await node.writer.write();
  const { gap } = await node.stretches.read("other", 0, 0n, 2n);
  assert.deepEqual([gap?.from, gap?.next], [0n, 2n]);
});

Deno.test("HistoryStretches.read: an entry that cannot be read is a break", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0, 1, 2);
  await node.writer.write();
  const page = store.page.bind(store);
  store.page = async (key, from) => {
    const { found, isLast } = await page(key, from);
    return { found: found.map((each) => each.offset === 1n ? { offset: 1n, entry: undefined } : each), isLast };
  };
  assert.equal(await node.read(0n, 3n), "0 to 1");
  assert.equal(await node.read(1n, 3n), "break 1 to 2");
  assert.equal(await node.read(2n, 3n), "2 to 3");
});

Deno.test("HistoryChain: two nodes write one log, whoever is ahead, and each record is kept once", async () => {
  const store = new FakeStore();
  const [one, other] = [new Node(store), new Node(store)];
  one.take(0, 1, 2);
  other.take(0, 1, 2, 3, 4);
  await one.writer.write();
  await other.writer.write();
  one.take(3, 4, 5);
  await one.writer.write();
  assert.equal(store.logs.get("e/0")?.length, 6);
  assert.equal(await other.read(0n, 6n), "0,1,2,3,4,5 to 6");
});

Deno.test("HistoryChain: a node that begins later proves nothing of what was before, and what another missed stays a break", async () => {
  const store = new FakeStore();
  const [one, late] = [new Node(store), new Node(store, 5n)];
  one.take(0, 1);
  await one.writer.write();
  late.take(6, 7);
  await late.writer.write();
  // The one that lags comes too late: 2 to 5 are never there.
  one.take(3, 5, 6, 7, 8);
  await one.writer.write();
  assert.equal(await one.read(0n, 9n), "0,1 to 2");
  assert.equal(await one.read(2n, 9n), "break 2 to 5");
  assert.equal(await one.read(5n, 9n), "6,7,8 to 9");
});

Deno.test("HistoryChain: records of one moment are one entry, up to the end of their 256 offsets", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  for (const offset of range(200, 800)) node.append(offset, 1_000);
  const entries = () => store.logs.get("e/0")?.map(({ from, offset, frames }) => [from, offset, frames.length]);
  await node.writer.write();
  assert.deepEqual(entries(), [[0n, 255n, 56], [256n, 511n, 256], [512n, 767n, 256]], "the last one is still open");
  node.chain.keepRuns(0);
  await node.writer.write();
  assert.deepEqual(entries()?.at(-1), [768n, 799n, 32]);
  assert.equal(
    await node.read(240n, 520n),
    `${range(240, 520)} to 520`,
    "from the middle of one to the middle of another",
  );
});

Deno.test("HistoryChain: a record of another tenth of a second, and one that makes it too large, begin an entry", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  for (const [offset, timestampMs] of [1_000, 1_099, 1_100, 1_000].entries()) node.append(offset, timestampMs);
  for (const offset of range(4, 8)) node.append(offset, 1_000, "x".repeat(60_000));
  node.chain.keepRuns(0);
  await node.writer.write();
  assert.deepEqual(store.logs.get("e/0")?.map(({ offset }) => offset), [1n, 2n, 5n, 7n]);
  assert.equal(await node.read(0n, 8n), `${range(0, 8)} to 8`);
});

Deno.test("HistoryChain.keepRuns: what has lingered is kept, what has just begun is not", () => {
  const clock = FakeTimers.install({ toFake: ["Date"] });
  try {
    const node = new Node(new FakeStore());
    node.append(0, 1_000);
    clock.tick(249);
    node.chain.keepRuns(250);
    assert.equal(node.spool.entryCount, 0);
    clock.tick(1);
    node.chain.keepRuns(250);
    assert.equal(node.spool.entryCount, 1);
  } finally {
    clock.uninstall();
  }
});

Deno.test("HistoryChain: two nodes that began at the start of a run and lag differently make the same entries", async () => {
  const store = new FakeStore();
  const [one, other] = [new Node(store), new Node(store, runStart(300n))];
  const otherStart = Number(runStart(300n));
  const timesMs = range(0, 1_000).map((offset) => offset * 7);
  for (const [offset, timestampMs] of timesMs.entries()) {
    one.append(offset, timestampMs);
    if (offset % 97 === 0) await one.writer.write();
    if (offset < otherStart) continue;
    other.append(offset, timestampMs);
    if (offset % 61 === 0) await other.writer.write();
  }
  for (const node of [one, other]) {
    node.chain.keepRuns(0);
    await node.writer.write();
  }
  const log = store.logs.get("e/0") ?? [];
  assert.equal(log.reduce((sum, { frames }) => sum + frames.length, 0), 1_000, "each record once");
  assert.equal(await other.read(0n, 1_000n), `${range(0, 1_000)} to 1000`);
});

Deno.test("HistoryStretches.read: entries of nodes that ended a run at different records overlap, and give each record once", async () => {
  const store = new FakeStore();
  const [one, other] = [new Node(store), new Node(store)];
  for (const offset of range(0, 5)) one.append(offset, 1_000);
  one.chain.keepRuns(0);
  await one.writer.write();
  for (const offset of range(0, 9)) other.append(offset, 1_000);
  other.chain.keepRuns(0);
  await other.writer.write();
  assert.deepEqual(store.logs.get("e/0")?.map(({ from, offset }) => [from, offset]), [[0n, 4n], [0n, 8n]]);
  assert.equal(await one.read(0n, 9n), "0,1,2,3,4,5,6,7,8 to 9");
});

Deno.test("HistoryChain: a record seen before, and one whose frames were all withheld, make no entry", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0, 1, 0, 1);
  node.chain.append(0, 2n, 0, []);
  node.take(3);
  await node.writer.write();
  assert.deepEqual(store.logs.get("e/0")?.map(({ from, offset }) => [from, offset]), [[0n, 0n], [1n, 1n], [2n, 3n]]);
});

Deno.test("HistoryChain.skip: an entry behind a gap proves nothing of the gap", async () => {
  const node = new Node(new FakeStore());
  node.take(0, 1);
  node.chain.skip(0, 10n);
  node.take(12);
  await node.writer.write();
  assert.equal(await node.read(2n, 13n), "break 2 to 10");
  assert.equal(await node.read(10n, 13n), "12 to 13");
});

Deno.test("HistoryChain.skip: a log that ends before what was read of it voids what was kept", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0, 1, 2, 3, 4);
  await node.writer.write();
  node.take(5);
  node.chain.skip(0, 3n);
  assert.equal(await node.read(0n, 3n), "break 0 to 3", "before it is deleted too");
  node.take(3, 4);
  await node.writer.write();
  assert.deepEqual(store.logs.get("e/0")?.map(({ offset }) => offset), [3n, 4n]);
  assert.equal(await node.read(3n, 5n), "3,4 to 5");
});

Deno.test("HistoryWriter.write: what becomes void during a round is deleted before what follows it is written", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0, 1, 2, 3, 4);
  const { promise, resolve } = Promise.withResolvers<void>();
  store.pace = () => promise;
  const round = node.writer.write();
  node.chain.skip(0, 3n);
  node.take(3, 4);
  resolve();
  await round;
  await node.writer.write();
  assert.equal(await node.read(3n, 5n), "3,4 to 5");
});

Deno.test("HistoryChain.restart: a log created anew has keys of its own, and so has a partition that was added", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0, 1);
  node.chain.restart({ epoch: "f", next: [0n] });
  node.chain.addPartition(1, 0n);
  node.take(0);
  node.chain.append(1, 2n, 0, [frameAt(1, 2n)]);
  node.chain.keepRuns(0);
  await node.writer.write();
  assert.deepEqual([...store.logs.keys()], ["e/0", "f/0", "f/1"]);
});

Deno.test("HistoryChain.cover: records that nobody may see are covered by an entry without frames", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0);
  node.chain.advance(0, 900n);
  node.chain.cover();
  node.chain.cover();
  await node.writer.write();
  assert.equal(store.logs.get("e/0")?.length, 2);
  assert.equal(await node.read(0n, 900n), "0 to 900");
});

Deno.test("HistoryChain.cover: claims nothing of a run that is still open, and nothing behind what was taken", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.append(0, 1_000);
  node.append(1, 1_000);
  node.chain.cover();
  await node.writer.write();
  assert.equal(store.logs.get("e/0"), undefined);
  node.chain.keepRuns(0);
  node.chain.advance(0, 10n);
  node.chain.cover();
  node.append(10, 9_000);
  node.chain.keepRuns(0);
  await node.writer.write();
  assert.equal(await node.read(0n, 11n), "0,1,10 to 11");
});

Deno.test("HistoryChain: where a run ends does not depend on the node's own cursors", () => {
  const lastOf = (cursor: string) => {
    const kept: bigint[] = [];
    const sink = { keep: (_: string, { offset }: { offset: Offset }) => kept.push(offset), void: () => {} };
    const chain = new HistoryChain(sink, keyOf, { epoch: "e", next: [0n] }, Date.now);
    const message = messageTo("user:1", { data: { text: "x".repeat(600) } });
    for (const offset of range(0, 300)) {
      const place = { seq: -1, sourceIndex: 0, partition: 0, offset: BigInt(offset) };
      chain.append(0, BigInt(offset), 0, [encodeFrame(message, cursor, place)]);
    }
    return kept;
  };
  assert.deepEqual(lastOf("a"), lastOf("a".repeat(150)));
});

Deno.test("Spool: over its limit the oldest go, and a reader meets the break", async () => {
  const store = new FakeStore();
  store.failure = DOWN;
  const bytesOfOne = frameAt(0, 0n).bytes.length + 600;
  const node = new Node(store, 0n, bytesOfOne * 3);
  node.take(0, 1, 2, 3, 4, 5, 6, 7);
  assert.equal(node.spool.entryCount, 3);
  assert.ok(node.spool.byteCount <= bytesOfOne * 3);
  assert.equal(node.dropped.length, 5);
  store.failure = undefined;
  await node.writer.write();
  assert.deepEqual([node.spool.byteCount, node.spool.oldestAtMs], [0, undefined]);
  assert.equal(await node.read(0n, 8n), "break 0 to 5");
  assert.equal(await node.read(5n, 8n), "5,6,7 to 8");
});

Deno.test("Spool: what is on its way is not dropped and is tried again as it was", async () => {
  const store = new FakeStore();
  const bytesOfOne = frameAt(0, 0n).bytes.length + 600;
  const node = new Node(store, 0n, bytesOfOne * 3);
  await node.writer.write();
  node.take(0, 1);
  store.failure = DOWN;
  await node.writer.write();
  node.take(2, 3, 4, 5);
  store.failure = undefined;
  await node.writer.write();
  await node.writer.write();
  assert.equal(await node.read(0n, 6n), "0,1 to 2");
  assert.equal(await node.read(5n, 6n), "5 to 6");
});

Deno.test("HistoryWriter.write: batches are bounded, and what comes in meanwhile goes with the next", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(...range(0, 600));
  await node.writer.write();
  assert.equal(node.written, 256);
  for (let count = 0; count < 2; count++) await node.writer.write();
  assert.deepEqual([node.written, store.appends], [600, 3]);
});

Deno.test("HistoryWriter: a node that starts offers nothing that is there already, and drops nothing for want of room", async () => {
  const store = new FakeStore();
  const one = new Node(store);
  one.take(...range(0, 200));
  await one.writer.write();
  const { offered } = store;
  const late = new Node(store, 100n, 100_000);
  late.take(...range(100, 180));
  await late.writer.write();
  late.take(...range(180, 205));
  await late.writer.write();
  assert.deepEqual([store.offered - offered, late.dropped.length, late.spool.byteCount], [5, 0, 0]);
  assert.equal((await late.stretches.read("e", 0, 0n, 205n)).next, 205n);
});

Deno.test("HistoryChain.isBeyond: a log that lost its tail while no node was there never gets what was kept of it", async () => {
  const store = new FakeStore();
  const before = new Node(store);
  before.take(...range(0, 20));
  await before.writer.write();
  const ends = (end: bigint, askedAtMs: number) => ({ epoch: "e", next: [end], ends: { next: [end], askedAtMs } });
  // Others have gone on since the log was asked: nothing wrong with it.
  const other = new Node(store);
  other.chain.restart(ends(15n, Date.now()));
  await other.writer.write();
  assert.equal(await other.read(0n, 15n), `${range(0, 15)} to 15`);
  const after = new Node(store);
  after.chain.restart(ends(15n, Date.now() + 60_000));
  await after.writer.write();
  after.take(15, 16);
  await after.writer.write();
  assert.deepEqual(store.logs.get("e/0")?.map(({ offset }) => offset), [15n, 16n]);
  assert.equal(await after.read(0n, 17n), "break 0 to 15");
});

Deno.test("HistoryStretches.read: what becomes void while it is read is not told", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0, 1, 2, 3, 4);
  await node.writer.write();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.pace = () => promise;
  const reading = node.read(0n, 5n);
  node.chain.skip(0, 3n);
  resolve();
  assert.equal(await reading, "break 0 to 5");
});

Deno.test("HistoryHealth: each change is told once; while the store is down nobody waits for a read of it", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  await node.writer.write();
  store.failure = DOWN;
  node.take(0);
  await node.writer.write();
  await node.writer.write();
  const before = store.pages;
  await assert.rejects(node.read(0n, 1n), StoreFailure);
  assert.equal(store.pages, before);
  store.failure = new StoreFailure("read-only", "READONLY You can't write against a read only replica.");
  await node.writer.write();
  store.failure = undefined;
  await node.writer.write();
  assert.deepEqual(node.states, ["up", "down", "read-only", "up"]);
  assert.equal(await node.read(0n, 1n), "0 to 1");
});

Deno.test("HistoryHealth: a read that gets no answer is told, and the next round of the writer brings it back", async () => {
  const store = new FakeStore();
  const node = new Node(store);
  node.take(0);
  await node.writer.write();
  store.failure = DOWN;
  await assert.rejects(node.read(0n, 1n), StoreFailure);
  store.failure = undefined;
  await assert.rejects(node.read(0n, 1n), StoreFailure, "nobody has asked it since");
  await node.writer.write();
  assert.equal(await node.read(0n, 1n), "0 to 1");
  assert.deepEqual(node.states, ["up", "down", "up"]);
});

Deno.test("HistoryWriter: writes what has lingered, covers and trims as time passes, and ends with what it had", async () => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  try {
    const store = new FakeStore();
    const node = new Node(store);
    node.writer.start();
    await clock.tickAsync(1);
    node.append(0, 0);
    await clock.tickAsync(200);
    assert.equal(node.written, 0);
    await clock.tickAsync(100);
    assert.equal(node.written, 1);
    node.chain.advance(0, 50n);
    await clock.tickAsync(11_000);
    assert.equal(await node.read(0n, 50n), "0 to 50");
    await clock.tickAsync(3_700_000);
    assert.deepEqual(store.logs.get("e/0"), []);
    store.failure = DOWN;
    node.take(60);
    await clock.tickAsync(100);
    store.failure = undefined;
    await clock.tickAsync(10_000);
    assert.equal(await node.read(50n, 61n), "60 to 61");
    node.take(61);
    const ended = node.writer[Symbol.asyncDispose]();
    await clock.tickAsync(1_000);
    await ended;
    assert.equal(node.spool.entryCount, 0);
    assert.equal(clock.countTimers(), 0);
  } finally {
    clock.uninstall();
  }
});

Deno.test("HistoryWriter: a store that is away does not keep the node from ending", async () => {
  const store = new FakeStore();
  store.failure = DOWN;
  const node = new Node(store);
  node.writer.start();
  node.take(0);
  await new Promise((resolve) => setTimeout(resolve, 0));
  await node.writer[Symbol.asyncDispose]();
  assert.equal(node.spool.entryCount, 1);
});
