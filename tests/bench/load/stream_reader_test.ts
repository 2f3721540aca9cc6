import assert from "node:assert/strict";
import fc from "fast-check";
import { StreamReader } from "../../../bench/load/stream_reader.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const line = fc.string({ unit: fc.constantFrom("a", "x", "0", ":", "\r"), minLength: 1, maxLength: 30 });
/** A block: at least one line, none of them empty, then the empty line. */
const block = fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => `${lines.join("\n")}\n\n`);
/** Events as in a benchmark: of this length, or a little more. */
const FRAME_BYTES = 40;
const frame = fc.integer({ min: 0, max: 3 }).map((more) => `id: 1\ndata: ${"x".repeat(FRAME_BYTES - 14 + more)}\n\n`);
const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 40 }));

Deno.test("StreamReader hands over every block once, whatever the chunks and the reads cut it into", () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 30 }), cuts, cuts, fc.boolean(), (blocks, chunks, reads, isChunked) => {
      const wire = responseOf(blocks, isChunked ? chunks : undefined);
      assert.deepEqual(readBlocks(cut(wire, reads)), { status: 200, blocks });
    }),
  );
});

Deno.test("StreamReader that guesses lengths hands over every frame once", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 30 }), cuts, cuts, fc.boolean(), (frames, chunks, reads, isChunked) => {
      const wire = responseOf(frames, isChunked ? chunks : undefined);
      assert.deepEqual(readBlocks(cut(wire, reads), FRAME_BYTES), { status: 200, blocks: frames });
    }),
  );
});

Deno.test("StreamReader tells the status of a response that is no stream", () => {
  const { status } = readBlocks(["HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"]);
  assert.equal(status, 403);
});

Deno.test("StreamReader keeps several streams apart", () => {
  const seen: string[] = [];
  const reader = new StreamReader((stream, buffer, start, end) => seen.push(`${stream} ${text(buffer, start, end)}`));
  reader.reset(0);
  reader.reset(1);
  for (const part of ["HTTP/1.1 200 OK\r\n\r\nda", "ta: one", "\n\n"]) {
    for (const stream of [0, 1]) reader.take(stream, fill(reader, part));
  }
  assert.deepEqual(seen, ["0 data: one\n\n", "1 data: one\n\n"]);
});

function responseOf(blocks: readonly string[], chunks: Iterator<number> | undefined): string {
  const body = blocks.join("");
  const coding = chunks === undefined ? "" : "Transfer-Encoding: chunked\r\n";
  return `HTTP/1.1 200 OK\r\n${coding}\r\n${chunks === undefined ? body : cut(body, chunks).map(chunkOf).join("")}`;
}

function readBlocks(reads: readonly string[], minFrameBytes = 0): { status: number; blocks: string[] } {
  const blocks: string[] = [];
  const reader = new StreamReader(
    (_stream, buffer, start, end) => blocks.push(text(buffer, start, end)),
    minFrameBytes,
  );
  reader.reset(0);
  for (const read of reads) reader.take(0, fill(reader, read));
  return { status: reader.status(0), blocks };
}

function fill(reader: StreamReader, part: string): number {
  return encoder.encodeInto(part, reader.room).written;
}

function text(buffer: Uint8Array, start: number, end: number): string {
  return decoder.decode(buffer.subarray(start, end));
}

function chunkOf(part: string): string {
  return `${part.length.toString(16)}\r\n${part}\r\n`;
}

function cut(whole: string, lengths: Iterator<number>): string[] {
  const parts: string[] = [];
  for (let at = 0; at < whole.length;) {
    const { value } = lengths.next();
    parts.push(whole.slice(at, at + value));
    at += value;
  }
  return parts;
}
