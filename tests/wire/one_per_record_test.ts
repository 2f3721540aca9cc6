import assert from "node:assert/strict";
import fc from "fast-check";
import { createParser } from "eventsource-parser";
import type { Scope } from "../../src/model/scope.ts";
import { chunkOf, cursorOf, encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { encodePage } from "../../src/wire/page.ts";
import { onePerRecord } from "../../src/wire/one_per_record.ts";
import { messageTo, scopeOf } from "../replay/frames.ts";

const SCOPES = ["global", "user:1", "novel:7", 'novel:"}\\', "session:💥", "user:]"].map(scopeOf);

/** Frames of one record; `seq` is -1 where they were read from a history. */
function framesOf(offset: number, scopes: readonly Scope[], seq: number, data: unknown = { offset }): Frame[] {
  const place = { seq, sourceIndex: 0, partition: 0, offset: BigInt(offset) };
  return scopes.map((scope) => encodeFrame(messageTo(scope, { data }), `s0:0:${offset}~B`, place));
}

/** Each block's id, and its data as a client reads it. */
function read(chunk: Uint8Array): unknown[] {
  const blocks: unknown[] = [];
  const parser = createParser({ onEvent: ({ id, data }) => blocks.push([id, JSON.parse(data)]) });
  parser.feed(new TextDecoder().decode(chunk));
  return blocks;
}

Deno.test("onePerRecord: of each record one frame, under the scope asked for first, which names all", () => {
  const scopes = fc.shuffledSubarray(SCOPES, { minLength: 1 });
  const data = fc.oneof(fc.jsonValue(), fc.constantFrom({ scopes: ["a"] }, ['}\n\n,"scopes":[]'], "}"));
  const records = fc.array(fc.record({ scopes, data }), { maxLength: 12 });
  fc.assert(fc.property(records, scopes, fc.boolean(), (records, asked, isHistory) => {
    const own = (of: readonly Scope[]) => asked.filter((scope) => of.includes(scope));
    const frames = records.flatMap(({ scopes, data }, offset) =>
      framesOf(offset, scopes.filter((scope) => asked.includes(scope)), isHistory ? -1 : offset + 1, data)
    );
    const given = onePerRecord(frames, asked);
    const expected = records.map((record, offset) => ({ ...record, offset, own: own(record.scopes) }))
      .filter(({ own }) => own.length > 0);
    const envelopes = expected.map(({ own, data, offset }) => [
      `s0:0:${offset}~B`,
      {
        version: 1,
        scope: own[0],
        time: "2026-01-01T00:00:00.000Z",
        // As JSON says it: -0 is 0.
        data: JSON.parse(JSON.stringify(data)),
        ...(own.length > 1 ? { scopes: own } : {}),
      },
    ]);
    assert.deepEqual(read(chunkOf(given)), envelopes);
    assert.deepEqual(given.map(({ scope }) => scope), expected.map(({ own }) => own[0]));
    // Whoever sends it on may give it another cursor.
    assert.deepEqual(
      read(encodePage(given, given.map(() => "~C")).chunk).map((block) => (block as unknown[])[1]),
      envelopes.map(([, envelope]) => envelope),
    );
    assert.ok(given.every((frame, index) => cursorOf(frame) === envelopes[index]?.[0]));
  }));
});

Deno.test("onePerRecord: a frame that is alone stays the one that all readers share", () => {
  const [alone, ...more] = [...framesOf(1, [scopeOf("user:1")], 1), ...framesOf(2, SCOPES, 2)];
  assert.ok(alone !== undefined);
  const given = onePerRecord([alone, ...more], SCOPES);
  assert.equal(given[0], alone);
  assert.equal(given.length, 2);
  assert.ok(
    more.every(({ bytes }) => !new TextDecoder().decode(bytes).includes("scopes")),
    "the others' are untouched",
  );
});

Deno.test("onePerRecord: records that differ in their place only by offset or only by number are two", () => {
  const frames = [framesOf(1, SCOPES, -1), framesOf(2, SCOPES, -1), framesOf(3, SCOPES, 7), framesOf(3, SCOPES, 8)];
  assert.equal(onePerRecord(frames.flat(), SCOPES).length, 4);
});
