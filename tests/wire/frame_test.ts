import assert from "node:assert/strict";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import fc from "fast-check";
import type { Gap } from "../../src/model/gap.ts";
import { parseScope, type Scope } from "../../src/model/scope.ts";
import { formatSSE } from "../../src/model/sse_format.ts";
import { SSEMessage } from "../../src/model/sse_message.ts";
import { chunkOf, cursorOf, encodeFrame, encodeGaps, type Frame, joinBytes } from "../../src/wire/frame.ts";

/** What a reader of the bytes must see. */
interface Expected {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

interface Written extends Expected {
  readonly bytes: Uint8Array;
}

const EVENTS = ["task.progress-updated", "content.updated", "system.notification-sent"];
const MESSAGES = 1_200;

/** Any UTF-16 code unit, halves of surrogates too. */
const ANY_UNIT = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

/** Text that tries to break out: line ends of every kind, field names, NUL, BOM, separators, half a surrogate. */
const HOSTILE = fc.array(
  fc.oneof(
    fc.constantFrom(
      "\n",
      "\r",
      "\r\n",
      "\n\n",
      "\r\r",
      "\u0000",
      "\ufeff",
      "\u2028",
      "\ud800",
      ":",
      " ",
      "data: x",
      "id: 7",
    ),
    fc.constantFrom(
      "event: stream.closing",
      "retry: 1",
      "\nid:",
      "\n\ndata:",
      "\r\nevent:error\r\n\r\n",
      "💥",
      "\u202e",
    ),
    fc.string({ unit: ANY_UNIT, maxLength: 8 }),
  ),
  { maxLength: 6 },
).map((parts) => parts.join(""));

const SCOPES = ["global", "user:42", "novel:ü", "session:💥", "user:a:b"].map(scopeOf);

const MESSAGE: fc.Arbitrary<Written> = fc.record({
  event: fc.constantFrom(...EVENTS),
  scope: fc.constantFrom(...SCOPES),
  data: fc.oneof(HOSTILE, fc.jsonValue(), fc.dictionary(HOSTILE, HOSTILE), fc.array(HOSTILE)),
  cursor: fc.stringMatching(/^[a-z0-9:._~-]{1,60}$/),
}).map(({ event, scope, data, cursor }) => {
  const message = new SSEMessage({ event, scope, data, time: "2026-01-01T00:00:00.000Z" });
  const { bytes } = encodeFrame(message, cursor, { seq: 1, sourceIndex: 0, partition: 0, offset: 0n });
  const body = { version: 1, scope, time: "2026-01-01T00:00:00.000Z", data };
  return { bytes, id: cursor, event, data: JSON.stringify(body) };
});

/** Any text at all as data, also what no JSON is. */
const RAW: fc.Arbitrary<Written> = fc.tuple(HOSTILE, fc.constantFrom(...EVENTS), fc.nat()).map(([data, event, id]) => {
  const bytes = new TextEncoder().encode(formatSSE({ data, event, id: `${id}` }));
  return { bytes, event, id: `${id}`, data: data.toWellFormed().replaceAll(/\r\n|\r/g, "\n") };
}).filter(({ data }) => data !== ""); // a browser does not dispatch an empty event

function sample(seed: number): readonly Written[] {
  return fc.sample(fc.oneof(MESSAGE, RAW), { numRuns: MESSAGES, seed });
}

/** One event after the other, so that a failure shows the first that differs, and the seed of the messages. */
function assertSeen(seen: readonly Expected[], written: readonly Written[], seed: number): void {
  for (const [index, { id, event, data }] of written.entries()) {
    assert.deepEqual({ seed, index, ...seen[index] }, { seed, index, id, event, data });
  }
  assert.equal(seen.length, written.length);
}

Deno.test("encodeFrame: eventsource-parser reads exactly what was written, cut anywhere", () => {
  const seed = Date.now() % 2 ** 31;
  const written = sample(seed);
  const seen: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => void seen.push(event), onError: (error) => assert.fail(error) });
  const bytes = joinBytes(written.map((each) => each.bytes));
  const decoder = new TextDecoder();
  for (let at = 0, step = 1; at < bytes.length; at += step, step = step % 97 + 1) {
    parser.feed(decoder.decode(bytes.subarray(at, at + step), { stream: true }));
  }
  assertSeen(seen.map(({ id = "", event = "", data }) => ({ id, event, data })), written, seed);
});

Deno.test("encodeFrame: Deno's own EventSource reads exactly what was written", async () => {
  const seed = Date.now() % 2 ** 31;
  const written = sample(seed);
  const bytes = joinBytes(written.map((each) => each.bytes));
  const last = formatSSE({ event: "test.ended", data: "over" });
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(joinBytes([bytes, new TextEncoder().encode(last)]).slice(), {
        headers: { "content-type": "text/event-stream" },
      }),
  );
  const seen = await new Promise<Expected[]>((resolve, reject) => {
    const events: Expected[] = [];
    const source = new EventSource(`http://127.0.0.1:${server.addr.port}/`);
    const take = ({ type, data, lastEventId }: MessageEvent<string>) =>
      events.push({ id: lastEventId, event: type, data });
    for (const event of EVENTS) source.addEventListener(event, take);
    source.onmessage = take;
    source.onerror = () => {
      source.close();
      reject(new Error(`Cannot read on: the stream broke after ${events.length} events`));
    };
    source.addEventListener("test.ended", () => {
      source.close();
      resolve(events);
    });
  });
  assertSeen(seen, written, seed);
});

Deno.test("chunkOf: one frame as it is, several behind one another", () => {
  const [one, other] = [frameOf("a"), frameOf("b")];
  assert.equal(chunkOf([one]), one.bytes);
  assert.equal(new TextDecoder().decode(chunkOf([one, other])), textOf(one) + textOf(other));
  assert.equal(chunkOf([]).length, 0);
});

Deno.test("encodeGaps: only the last of several gaps carries the cursor that lies behind all of them", () => {
  const gap: Gap = { source: "a", partition: 0, from: 0n, next: 5n, reason: "epoch", lost: null, resync: true };
  const place = { seq: 3, sourceIndex: 0, partition: 0, offset: 4n };
  const frame = encodeGaps([gap, { ...gap, partition: 1 }], "integer", "~Bx", place);
  const blocks = textOf(frame).split("\n\n").filter((block) => block !== "");
  assert.deepEqual(blocks.map((block) => block.includes("id: ~Bx")), [false, true]);
  assert.equal(frame.scope, null);
  assert.equal(cursorOf(encodeGaps([gap], "integer", "~Bx", place)), "~Bx");
});

function frameOf(cursor: string): Frame {
  const message = new SSEMessage({ event: "a.b", scope: scopeOf("global"), data: { text: "é" }, time: "2026" });
  return encodeFrame(message, cursor, { seq: 1, sourceIndex: 0, partition: 0, offset: 1n });
}

function textOf(frame: Frame): string {
  return new TextDecoder().decode(frame.bytes);
}

function scopeOf(text: string): Scope {
  const scope = parseScope(text);
  if (scope === undefined) throw new TypeError(`Cannot use ${text}: it is no scope`);
  return scope;
}
