import assert from "node:assert/strict";
import fc from "fast-check";
import type { Offset } from "../../src/model/position.ts";
import type { PositionVector } from "../../src/model/position_vector.ts";
import { Journal } from "../../src/replay/journal.ts";
import type { Selection } from "../../src/replay/scope_index.ts";
import { cursorOf, type Frame } from "../../src/wire/frame.ts";
import { onePerRecord } from "../../src/wire/one_per_record.ts";
import { parseCursor } from "../../src/wire/cursor.ts";
import { messageTo, positions, scopeOf, WIDE } from "./frames.ts";

const EVERYTHING: Selection = { scopes: ["user:1", "user:2", "global"].map(scopeOf), accepts: () => true };

const textOf = (frame: Frame | undefined) => new TextDecoder().decode(frame?.bytes);
const dataOf = (frame: Frame | undefined) => JSON.parse(/^data: (.*)$/m.exec(textOf(frame))?.[1] ?? "null");

Deno.test("Journal.append: gives each frame the cursor that is true behind it", () => {
  const journal = new Journal(WIDE, positions([5n, 7n]));
  const { frames } = journal.append(0, 1, 9n, [messageTo("user:1"), messageTo("user:2")], 0);
  assert.deepEqual(frames.map(({ seq }) => seq), [1, 1]);
  const parsed = parseCursor(cursorOf(frames[0] ?? assert.fail()), journal.positions.sources);
  assert.deepEqual(parsed, { kind: "cursor", sources: [{ kind: "positions", next: [5n, 10n] }] });
  assert.equal(journal.cursor(), cursorOf(frames[1] ?? assert.fail()));
});

Deno.test("Journal.append: a record that was seen before makes no frame and moves nothing", () => {
  const journal = new Journal(WIDE, positions([5n]));
  journal.append(0, 0, 5n, [messageTo("user:1")], 0);
  const { version, headSeq } = journal;
  assert.deepEqual(journal.append(0, 0, 5n, [messageTo("user:1")], 0), { frames: [], oversizeCount: 0 });
  assert.deepEqual(journal.append(0, 0, 2n, [messageTo("user:1")], 0).frames, []);
  assert.deepEqual([journal.version, journal.headSeq], [version, headSeq]);
});

Deno.test("Journal.append: withholds a frame over the limit and goes on behind it", () => {
  const journal = new Journal({ ...WIDE, maxFrameBytes: 200 }, positions([0n]));
  const large = messageTo("user:1", { data: "x".repeat(300) });
  const { frames, oversizeCount } = journal.append(0, 0, 0n, [large, messageTo("user:2")], 0);
  assert.deepEqual([frames.map(({ scope }) => scope), oversizeCount], [["user:2"], 1]);
  assert.equal(journal.positions.next(0, 0), 1n);
});

Deno.test("Journal.append: a message that is no frame throws, and the position is behind it all the same", () => {
  const journal = new Journal(WIDE, positions([0n]));
  assert.throws(() => journal.append(0, 0, 0n, [messageTo("user:1", { data: 1n })], 0), TypeError);
  assert.equal(journal.positions.next(0, 0), 1n);
  assert.equal(journal.frameCount, 0);
  assert.equal(journal.append(0, 0, 1n, [messageTo("user:1")], 0).frames.length, 1);
});

Deno.test("Journal.advance: moves the cursor on and never back", () => {
  const journal = new Journal(WIDE, positions([5n]));
  const before = journal.cursor();
  journal.advance(0, 0, 5n);
  journal.advance(0, 0, 3n);
  assert.deepEqual([journal.cursor(), journal.version], [before, 0]);
  journal.advance(0, 0, 9n);
  assert.equal(journal.positions.next(0, 0), 9n);
  assert.notEqual(journal.cursor(), before);
  assert.equal(journal.version, 1);
});

Deno.test("Journal.announce: the gap is read by all who stand before it, in its place, whatever their scopes", () => {
  const journal = new Journal(WIDE, positions([0n]));
  journal.append(0, 0, 0n, [messageTo("user:1")], 0);
  const gap = { source: "s0", partition: 0, from: 1n, next: 5n, reason: "retention", lost: 4, resync: true } as const;
  const frame = journal.announce(0, gap, 0);
  journal.append(0, 0, 5n, [messageTo("user:1")], 0);
  const { frames } = journal.read({ scopes: [scopeOf("user:1")], accepts: () => true }, positions([0n]), 10);
  assert.deepEqual(frames.map(({ event }) => event), ["task.done", "stream.gap-detected", "task.done"]);
  assert.equal(frames[1], frame);
  assert.equal(journal.positions.next(0, 0), 6n);
});

Deno.test("Journal.read: a gap begins where its reader stands, and is not told to who stands behind it", () => {
  const journal = new Journal(WIDE, positions([0n, 0n]));
  const gap = { source: "s0", partition: 1, from: 1n, next: 5n, reason: "retention", lost: 4, resync: true } as const;
  const frame = journal.announce(0, gap, 0);
  const toldAt = (offset: Offset) =>
    journal.read({ scopes: [], accepts: () => false }, positions([0n, offset]), 10).frames;
  for (const offset of [0n, 1n]) assert.equal(toldAt(offset)[0], frame, `from ${offset}: the frame that all share`);
  for (const offset of [2n, 4n]) {
    const [told, ...others] = toldAt(offset);
    assert.deepEqual(dataOf(told), { ...dataOf(frame), from: `${offset}`, lost: null });
    assert.deepEqual([told?.seq, told?.offset, told?.scope, others], [frame.seq, 4n, null, []]);
    assert.equal(cursorOf(told ?? assert.fail()), cursorOf(frame));
  }
  assert.deepEqual(toldAt(5n), []);
});

Deno.test("Journal.announce: a log that ends before what was read of it is read again from there", () => {
  const journal = new Journal(WIDE, positions([0n], [0n]));
  for (let offset = 0n; offset < 5n; offset++) journal.append(0, 0, offset, [messageTo("user:1")], 0);
  journal.append(1, 0, 0n, [messageTo("user:1")], 0);
  journal.announce(0, { source: "s0", partition: 0, from: 5n, next: 2n, reason: "ahead", lost: null, resync: true }, 0);
  assert.equal(journal.positions.next(0, 0), 2n);
  assert.equal(journal.floor(0, 0), 2n);
  assert.equal(journal.floor(1, 0), 1n);
  assert.equal(journal.append(0, 0, 2n, [messageTo("user:1")], 0).frames.length, 1);
  assert.equal(journal.read(EVERYTHING, positions([2n], [1n]), 10).frames.length, 1);
});

Deno.test("Journal.addPartition: is complete from where it begins, and in the cursor", () => {
  const journal = new Journal(WIDE, positions([4n]));
  journal.addPartition(0, 1, 0n);
  journal.addPartition(0, 2, 7n);
  journal.addPartition(0, 2, 9n);
  assert.deepEqual(journal.positions.sources[0]?.next, [4n, 0n, 7n]);
  assert.deepEqual([journal.floor(0, 1), journal.floor(0, 2), journal.floor(0, 3)], [0n, 7n, undefined]);
  const { frames } = journal.append(0, 2, 7n, [messageTo("user:1")], 0);
  assert.deepEqual(journal.read(EVERYTHING, positions([4n]), 10).frames, frames);
});

Deno.test("Journal.restart: forgets the old log, tells of every partition, and only at the end under the new epoch", () => {
  const journal = new Journal(WIDE, positions([4n], [0n]));
  journal.append(0, 0, 4n, [messageTo("user:1")], 0);
  journal.append(1, 0, 0n, [messageTo("user:1")], 0);
  const seqBefore = journal.headSeq;
  const frame = journal.restart(0, "new", [0n, 3n]);
  assert.ok(frame.seq > seqBefore && frame.scope === null);
  const blocks = textOf(frame).split("\n\n").filter((block) => block !== "");
  assert.deepEqual(blocks.map((block) => /"partition":(\d)/.exec(block)?.[1]), ["0", "1"]);
  assert.deepEqual(blocks.map((block) => block.includes("id: ")), [false, true]);
  assert.ok(textOf(frame).includes(journal.cursor()));
  assert.deepEqual(journal.positions.sources[0], { source: "s0", format: "integer", epoch: "new", next: [0n, 3n] });
  assert.deepEqual([journal.frameCount, journal.byteCount, journal.floor(1, 0)], [0, 0, 1n]);
});

Deno.test("Journal: an unknown source throws", () => {
  const journal = new Journal(WIDE, positions([0n]));
  assert.throws(() => journal.addPartition(1, 0, 0n), { name: "RangeError", message: /^Cannot use source 1/ });
});

Deno.test("Journal.expire: lets go of what is older than its age, appending or not", () => {
  const journal = new Journal({ ...WIDE, maxAgeMs: 100 }, positions([0n]));
  journal.append(0, 0, 0n, [messageTo("user:1")], 0);
  journal.append(0, 0, 1n, [messageTo("user:1")], 60);
  journal.expire(100);
  assert.equal(journal.frameCount, 2);
  journal.expire(101);
  assert.deepEqual([journal.frameCount, journal.floor(0, 0)], [1, 1n]);
  journal.append(0, 0, 2n, [messageTo("user:1")], 161);
  assert.deepEqual([journal.frameCount, journal.floor(0, 0)], [1, 2n]);
});

/** The journal as a list of everything, and limits applied by hand. */
class NaiveJournal {
  entries: { readonly frames: readonly Frame[]; readonly bytes: number; readonly atMs: number }[] = [];
  readonly floors: Offset[][];

  constructor(start: PositionVector) {
    this.floors = start.sources.map(({ next }) => [...next]);
  }

  keep(
    frames: readonly Frame[],
    nowMs: number,
    limits: { maxEvents: number; maxBytes: number; maxAgeMs: number },
  ): void {
    if (frames.length === 0) return;
    this.entries.push({ frames, bytes: frames.reduce((sum, { bytes }) => sum + bytes.length + 300, 0), atMs: nowMs });
    const count = () => this.entries.reduce((sum, { frames }) => sum + frames.length, 0);
    const bytes = () => this.entries.reduce((sum, { bytes }) => sum + bytes, 0);
    const isTooOld = () => nowMs - (this.entries[0]?.atMs ?? nowMs) > limits.maxAgeMs;
    while (count() > limits.maxEvents || bytes() > limits.maxBytes || isTooOld()) {
      const [frame] = this.entries.shift()?.frames ?? [];
      const floors = this.floors[frame?.sourceIndex ?? 0];
      if (frame !== undefined && floors !== undefined) floors[frame.partition] = frame.offset + 1n;
    }
  }

  read({ scopes, accepts }: Selection, at: PositionVector): Frame[] {
    return this.entries.flatMap(({ frames }) => {
      const wanted = scopes.flatMap((scope) => frames.filter((frame) => frame.scope === scope && accepts(frame)));
      return onePerRecord(wanted, scopes).filter((frame) =>
        frame.offset >= (at.next(frame.sourceIndex, frame.partition) ?? 0n)
      );
    });
  }
}

const APPENDS = fc.array(
  fc.record({
    sourceIndex: fc.nat(1),
    partition: fc.nat(1),
    hole: fc.nat(3),
    scopes: fc.subarray(["user:1", "user:2", "global"]),
    size: fc.nat(300),
    afterMs: fc.nat(40),
  }),
  { maxLength: 60 },
);

Deno.test("Journal.read: gives page by page what a naive journal gives, at any position it is complete from", () => {
  const limits = fc.record({
    maxEvents: fc.integer({ min: 1, max: 30 }),
    maxBytes: fc.integer({ min: 400, max: 20_000 }),
    maxAgeMs: fc.integer({ min: 1, max: 1_000 }),
  });
  const reader = fc.record({
    scopes: fc.shuffledSubarray(["user:2", "user:1", "global"], { minLength: 1 }),
    ahead: fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }),
    pageFrames: fc.integer({ min: 1, max: 8 }),
    shortest: fc.nat(200),
  });
  fc.assert(
    fc.property(limits, APPENDS, reader, (limits, appends, { scopes, ahead, pageFrames, shortest }) => {
      const start = positions([0n, 100n], [7n, 0n]);
      const journal = new Journal({ ...WIDE, ...limits }, start);
      const naive = new NaiveJournal(start);
      let nowMs = 0;
      for (const { sourceIndex, partition, hole, scopes, size, afterMs } of appends) {
        nowMs += afterMs;
        const offset = (journal.positions.next(sourceIndex, partition) ?? 0n) + BigInt(hole);
        const messages = scopes.map((scope) => messageTo(scope, { data: "x".repeat(size) }));
        naive.keep(journal.append(sourceIndex, partition, offset, messages, nowMs).frames, nowMs, limits);
      }
      assert.equal(journal.frameCount, naive.entries.flatMap(({ frames }) => frames).length);
      assert.equal(journal.byteCount, naive.entries.reduce((sum, { bytes }) => sum + bytes, 0));
      assert.deepEqual(
        naive.floors.map((of, source) => of.map((_, partition) => journal.floor(source, partition))),
        naive.floors,
      );

      const at = journal.positions.clone();
      for (const [index, more] of ahead.entries()) {
        const [source, partition] = [index >> 1, index & 1];
        at.set(source, partition, (naive.floors[source]?.[partition] ?? 0n) + BigInt(more));
      }
      const selection: Selection = { scopes: scopes.map(scopeOf), accepts: ({ bytes }) => bytes.length >= shortest };
      const expected = naive.read(selection, at);
      for (const limit of [0, expected.length - 1, expected.length, 1_000]) {
        if (limit >= 0) assert.equal(journal.hasMoreThan(limit, selection, at), expected.length > limit);
      }
      assert.deepEqual(pages(journal, selection, at, pageFrames), expected);
    }),
    { numRuns: 400 },
  );
});

/** All pages behind one another; each position is moved on by the frames themselves. */
function pages(journal: Journal, selection: Selection, at: PositionVector, pageFrames: number): Frame[] {
  const found: Frame[] = [];
  const moving = at.clone();
  for (;;) {
    const { frames, isHead } = journal.read(selection, moving, pageFrames);
    assert.ok(frames.length <= pageFrames && (isHead || frames.length === pageFrames));
    found.push(...frames);
    for (const { sourceIndex, partition, offset } of frames) moving.set(sourceIndex, partition, offset + 1n);
    if (isHead) return found;
  }
}
