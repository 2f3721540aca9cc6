import assert from "node:assert/strict";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { type Block, eventStreamParser } from "../../../src/client/core/event_stream_parser.ts";

const SAMPLE = '\uFEFF: hello\r\nretry: 4180\rid: a:0:1~x\nevent: task.done\ndata: {"ü":\r\ndata:1}\n\n:\n\nid: c\n\n' +
  "data\ndata:  two spaces\r\rid:\nid: n\0ul\nretry: 1s\nfoo: bar\nevent\ndata: 🙂\r\n\r\ndata: cut off";

/** What a page would see: dispatched events, ids and retries, each in order. */
function seen(blocks: readonly Block[]) {
  return {
    events: blocks.filter(({ data }) => data !== undefined)
      .map(({ id, event, data }) => ({ id, event: event || undefined, data })),
    ids: blocks.flatMap(({ id }) => id === undefined ? [] : [id]),
    retries: blocks.flatMap(({ retryMs }) => retryMs === undefined ? [] : [retryMs]),
  };
}

function reference(text: string): ReturnType<typeof seen> {
  const said: ReturnType<typeof seen> = { events: [], ids: [], retries: [] };
  const parser = createParser({
    onEvent: ({ id, event, data }) => said.events.push({ id, event, data }),
    onId: (id) => said.ids.push(id),
    onRetry: (ms) => said.retries.push(ms),
  });
  parser.feed(text);
  // Only what is behind a blank line counts: a byte order mark of its own at the end would be one more character.
  return said;
}

function parsedInPieces(bytes: Uint8Array, cuts: readonly number[]): Block[] {
  const parse = eventStreamParser();
  const decoder = new TextDecoder();
  const blocks: Block[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    blocks.push(...parse(decoder.decode(bytes.slice(from, to), { stream: true })));
    from = to;
  }
  return blocks;
}

Deno.test("eventStreamParser gives what eventsource-parser gives, cut at each two bytes", () => {
  const bytes = new TextEncoder().encode(SAMPLE);
  const expected = reference(SAMPLE);
  assert.equal(expected.events.length, 3);
  for (let one = 0; one <= bytes.length; one++) {
    for (let other = one; other <= bytes.length; other++) {
      assert.deepEqual(seen(parsedInPieces(bytes, [one, other])), expected, `cut at ${one} and ${other}`);
    }
  }
  assert.deepEqual(seen(parsedInPieces(bytes, [...bytes.keys()])), expected, "byte by byte");
});

Deno.test("eventStreamParser gives what eventsource-parser gives, for any lines, ends and cuts", () => {
  const line = fc.constantFrom(
    "data: a",
    "data",
    "id: 1",
    "id",
    "event: e",
    "event:",
    ":",
    ": c",
    "retry: 5",
    "",
    "",
    "x: y",
    "🙂",
    "data:\0",
    " data: b",
  );
  const end = fc.constantFrom("\n", "\r", "\r\n");
  const text = fc.array(fc.tuple(line, end).map((pair) => pair.join(""))).map((lines) => lines.join(""));
  const seed = Date.now() % 2 ** 31;
  fc.assert(
    fc.property(text, fc.array(fc.nat(200)), (stream, anywhere) => {
      const bytes = new TextEncoder().encode(stream);
      const cuts = anywhere.map((cut) => Math.min(cut, bytes.length)).sort((one, other) => one - other);
      const expected = reference(stream);
      // A retry counts at its line there, and with its block here.
      const { retries, ...rest } = seen(parsedInPieces(bytes, cuts));
      assert.deepEqual(rest, { events: expected.events, ids: expected.ids });
      assert.ok(retries.every((ms) => ms === 5));
    }),
    { seed, numRuns: 2_000 },
  );
});

Deno.test("eventStreamParser refuses a block without end", () => {
  const parse = eventStreamParser();
  const piece = "data: " + "x".repeat(1024 * 1024);
  assert.throws(() => Array.from({ length: 5 }, () => parse(piece)), RangeError);
  const other = eventStreamParser();
  for (let count = 0; count < 20; count++) assert.equal(other(`${piece}\n\n`).length, 1);
});
