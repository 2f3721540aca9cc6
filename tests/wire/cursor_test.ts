import assert from "node:assert/strict";
import fc from "fast-check";
import { type Offset, type OffsetFormat, offsetOfEntry } from "../../src/model/position.ts";
import { PositionVector, type SourcePositions } from "../../src/model/position_vector.ts";
import {
  CursorWriter,
  identityOf,
  indistinctSources,
  MAX_CURSOR_LENGTH,
  parseCursor,
  widestCursor,
} from "../../src/wire/cursor.ts";
import { HOSTILE_CURSORS } from "./hostile_cursors.ts";

const NAMES = ["tasks", "novels", "a", "redis.events", "x".repeat(64)];

/** Any UTF-16 code unit, halves of surrogates too. */
const ANY_UNIT = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

function arbitraryOffset(format: OffsetFormat): fc.Arbitrary<Offset> {
  return format === "integer"
    ? fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.bigInt({ min: 0n, max: 5_000n }))
    : fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 63n }), fc.bigInt({ min: 0n, max: 2n ** 63n }))
      .map(([milliseconds, sequence]) => offsetOfEntry(milliseconds, sequence));
}

const SOURCES: fc.Arbitrary<SourcePositions[]> = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom<OffsetFormat>("integer", "ms-seq"), fc.string())
    .chain(([source, format, epoch]) =>
      fc.array(arbitraryOffset(format), { minLength: 1, maxLength: 6 }).map((next) => ({ source, format, epoch, next }))
    ),
  { minLength: 1, maxLength: 4, selector: ({ source }) => source },
);

/** Moves of one writer: a share picks source and partition, a step how far. */
const MOVES = fc.array(
  fc.record({
    source: fc.nat(3),
    partition: fc.nat(5),
    step: fc.bigInt({ min: 0n, max: 2n ** 40n }),
    isEvent: fc.boolean(),
  }),
  { maxLength: 12 },
);

Deno.test("CursorWriter: any text reads back as the positions it was written at", () => {
  fc.assert(
    fc.property(SOURCES, MOVES, (sources, moves) => {
      const writer = new CursorWriter(new PositionVector(sources));
      for (const move of moves) {
        const sourceIndex = move.source % sources.length;
        const partition = move.partition % (sources[sourceIndex]?.next.length ?? 1);
        const at = (writer.positions.next(sourceIndex, partition) ?? 0n) + move.step;
        const passed = move.isEvent ? writer.pass(sourceIndex, partition, at) : undefined;
        if (!move.isEvent) writer.advance(sourceIndex, partition, at);
        const text = writer.text();
        assert.equal(passed ?? text, text);
        if (text.length > MAX_CURSOR_LENGTH) return;
        assert.deepEqual(parseCursor(text, sources), {
          kind: "cursor",
          sources: sources.map(({ next }) => ({ kind: "positions", next })),
        });
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("CursorWriter: a position that goes below all others is written as well as one above", () => {
  const sources = [sourceOf("tasks", 3, 1_000n)];
  const writer = new CursorWriter(new PositionVector(sources));
  writer.advance(0, 1, 10n);
  assert.deepEqual(positionsIn(writer.text(), sources), [[1_000n, 10n, 1_000n]]);
});

Deno.test("CursorWriter: pass names its event, advance keeps the name until it moves that partition", () => {
  const writer = new CursorWriter(new PositionVector([sourceOf("tasks", 2, 5n)]));
  assert.equal(identityOf(writer.text()), "");
  assert.equal(identityOf(writer.pass(0, 1, 7n)), "tasks:1:7");
  writer.advance(0, 0, 9n);
  assert.equal(identityOf(writer.text()), "tasks:1:7");
  writer.advance(0, 1, 9n);
  assert.equal(identityOf(writer.text()), "");
  assert.equal(identityOf("tasks:0:1"), "tasks:0:1");
});

Deno.test("CursorWriter: rebuild takes up a new epoch and more partitions", () => {
  const source = sourceOf("tasks", 1, 5n);
  const writer = new CursorWriter(new PositionVector([source]));
  writer.pass(0, 0, 6n);
  source.epoch = "another";
  source.next = [0n, 3n];
  writer.rebuild(0);
  assert.equal(identityOf(writer.text()), "");
  assert.deepEqual(positionsIn(writer.text(), [source]), [[0n, 3n]]);
});

Deno.test("CursorWriter: raiseTo moves the text with the positions", () => {
  const source = sourceOf("tasks", 2, 5n);
  const writer = new CursorWriter(new PositionVector([source]));
  writer.raiseTo(new PositionVector([{ ...source, next: [4n, 70n, 2n] }]));
  assert.deepEqual(positionsIn(writer.text(), [source]), [[5n, 70n, 2n]]);
});

Deno.test("parseCursor: a source of another epoch, one that is new and one that is gone are told apart", () => {
  const [tasks, novels] = [sourceOf("tasks", 1, 5n), sourceOf("novels", 1, 6n)];
  const text = new CursorWriter(new PositionVector([tasks, novels])).pass(0, 0, 8n);
  const now = [{ ...tasks, epoch: "another" }, novels, sourceOf("added", 2, 0n)];
  assert.deepEqual(parseCursor(text, now), {
    kind: "cursor",
    sources: [{ kind: "other-epoch" }, { kind: "positions", next: [6n] }, { kind: "absent" }],
  });
  assert.deepEqual(parseCursor(text, [novels]), { kind: "cursor", sources: [{ kind: "positions", next: [6n] }] });
});

Deno.test("parseCursor: an identity alone says nothing of other partitions, and of no source 0", () => {
  const sources = [sourceOf("tasks", 3, 5n), sourceOf("novels", 1, 6n)];
  assert.deepEqual(parseCursor("tasks:0:42", sources), {
    kind: "cursor",
    sources: [{ kind: "positions", next: [43n, undefined, undefined] }, { kind: "positions", next: [undefined] }],
  });
  for (const text of ["tasks:3:42", "tasks:99999:42", "unknown:0:1"]) {
    const parsed = parseCursor(text, sources);
    assert.ok(parsed.kind === "cursor");
    const known = parsed.sources.flatMap((source) => source.kind === "positions" ? source.next : [0n]);
    assert.deepEqual(known, [undefined, undefined, undefined, undefined], text);
  }
});

Deno.test("parseCursor: a source's offsets are of its own format, or the text is invalid", () => {
  const [integers, entries] = [sourceOf("tasks", 1, 5n), {
    ...sourceOf("tasks", 1, 5n << 64n),
    format: "ms-seq" as const,
  }];
  for (const [written, now] of [[entries, integers], [integers, entries]] as const) {
    const text = new CursorWriter(new PositionVector([written])).text();
    assert.deepEqual(parseCursor(text, [now]), { kind: "invalid" }, text);
    const another = { ...now, epoch: "another" };
    assert.deepEqual(parseCursor(text, [another]), { kind: "cursor", sources: [{ kind: "other-epoch" }] }, text);
  }
});

Deno.test("parseCursor: hostile texts are invalid, or name no position but the one they say", () => {
  for (const format of ["integer", "ms-seq"] as const) {
    for (const text of HOSTILE_CURSORS) {
      assert.deepEqual(
        parseCursor(text, [{ ...sourceOf("kafka", 2, 5n), format }]),
        { kind: "invalid" },
        JSON.stringify(text),
      );
    }
  }
});

Deno.test("parseCursor: never throws and keeps every position a true offset, whatever the text", () => {
  const sources = [sourceOf("tasks", 2, 500n), { ...sourceOf("novels", 1, 0n), format: "ms-seq" as const }];
  const genuine = new CursorWriter(new PositionVector(sources)).pass(0, 1, 70_000n);
  const text = fc.oneof(
    fc.string({ unit: ANY_UNIT, maxLength: 300 }),
    fc.tuple(fc.nat(genuine.length), fc.nat(3), fc.string({ maxLength: 3 }))
      .map(([at, removed, added]) => genuine.slice(0, at) + added + genuine.slice(at + removed)),
    fc.string({ unit: fc.constantFrom(..."ABCgh~:0159-_tasks".split("")), maxLength: 80 }).map((tail) =>
      genuine.slice(0, 30) + tail
    ),
  );
  fc.assert(
    fc.property(text, (text) => {
      const parsed = parseCursor(text, sources);
      if (parsed.kind === "invalid") return;
      assert.equal(parsed.sources.length, sources.length);
      for (const [index, source] of parsed.sources.entries()) {
        for (const next of source.kind === "positions" ? source.next : []) {
          const most = sources[index]?.format === "ms-seq" ? 2n ** 128n : 2n ** 63n;
          assert.ok(next === undefined || (next >= 0n && next <= most), `${next}`);
        }
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("parseCursor: a text longer than the cap is refused unread", () => {
  const sources = [sourceOf("tasks", 2_100, 2n ** 40n)];
  const text = new CursorWriter(new PositionVector(sources)).text();
  assert.ok(text.length > MAX_CURSOR_LENGTH);
  assert.deepEqual(parseCursor(text, sources), { kind: "invalid" });
});

Deno.test("CursorWriter: stays within 128 characters at 16 partitions and 512 at 100, with offsets as they are in real life", () => {
  const lengths = [16, 100].map((partitions) => longestAfterADay(partitions));
  assert.ok((lengths[0] ?? 0) <= 128 && (lengths[1] ?? 0) <= 512, `${lengths}`);
});

Deno.test("widestCursor: no cursor is wider, up to 2^49 records apart", () => {
  fc.assert(fc.property(
    fc.array(
      fc.tuple(
        fc.constantFrom(...NAMES),
        fc.constantFrom<OffsetFormat>("integer", "ms-seq"),
        fc.integer({ min: 1, max: 20 }),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    fc.bigInt({ min: 0n, max: 2n ** 49n }),
    (shapes, distance) => {
      const sources = shapes.map(([source, format, partitions]): SourcePositions => {
        const low = format === "integer" ? 2n ** 62n : offsetOfEntry(2n ** 42n, 0n);
        const high = format === "integer"
          ? low + distance
          : offsetOfEntry(2n ** 42n + distance % 2n ** 40n, distance % 2n ** 25n);
        return { source, format, epoch: "e", next: [low, ...Array.from({ length: partitions - 1 }, () => high)] };
      });
      const text = new CursorWriter(new PositionVector(sources)).pass(0, 0, sources[0]?.next[0] ?? 0n);
      const width = widestCursor(shapes.map(([source, format, partitions]) => ({ source, format, partitions })));
      assert.ok(text.length <= width, `${text.length} > ${width}`);
    },
  ));
});

Deno.test("indistinctSources: names two whose fingerprints are one, and nobody else", () => {
  assert.equal(indistinctSources(["tasks", "novels", "events"]), undefined);
  const seen = Array.from({ length: 4_000 }, (_, index) => `source-${index}`);
  const alike = indistinctSources(seen);
  assert.ok(alike !== undefined);
  assert.deepEqual(indistinctSources([...alike]), alike);
});

/** A topic that took 100 records/s in each partition for a day, unevenly, since the gateway began at offsets around 50 million. */
function longestAfterADay(partitions: number): number {
  const source = sourceOf("task-events", partitions, 0n);
  source.next = source.next.map((_, partition) => 50_000_000n + BigInt((partition * 7_919) % 5_000));
  const writer = new CursorWriter(new PositionVector([source]));
  let longest = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const at = 50_000_000n + BigInt(partitions === 16 ? 8_640_000 + partition * 50_000 : 700_000 + partition * 3_000);
    longest = Math.max(longest, writer.pass(0, partition, at).length);
  }
  return longest;
}

function sourceOf(source: string, partitions: number, next: Offset): SourcePositions {
  return { source, format: "integer", epoch: `${source} 1`, next: Array.from({ length: partitions }, () => next) };
}

function positionsIn(text: string, sources: readonly SourcePositions[]): readonly (readonly (Offset | undefined)[])[] {
  const parsed = parseCursor(text, sources);
  assert.ok(parsed.kind === "cursor");
  return parsed.sources.map((source) => source.kind === "positions" ? source.next : []);
}
