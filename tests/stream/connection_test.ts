import assert from "node:assert/strict";
import type { Grant } from "../../src/model/scope.ts";
import { Connection, type EndReason } from "../../src/stream/connection.ts";
import { chunkOf, encodeFrame, type Frame } from "../../src/wire/frame.ts";
import { encodePage } from "../../src/wire/page.ts";
import { EventStreamParser } from "../checker/event_stream_parser.ts";
import { messageTo, scopeOf } from "../replay/frames.ts";

interface Setup {
  readonly maxFrames?: number;
  readonly maxUnaskedBytes?: number;
  readonly patterns?: readonly string[];
  readonly grants?: readonly string[];
}

function open({ maxFrames = 100, maxUnaskedBytes = 100, patterns = [], grants = [] }: Setup = {}) {
  const told: (EndReason | "gone" | "shed")[] = [];
  const connection = new Connection({
    id: "c1",
    // The test's own texts, which are grants.
    reader: {
      issuer: "tests",
      subject: "someone",
      grants: new Set(grants as Grant[]),
      expiresAtMs: Number.MAX_SAFE_INTEGER / 2,
    },
    subscription: { scopes: [scopeOf("user:1")], patterns },
    queueLimits: { maxFrames, maxBytes: 1e6 },
    retryMs: 3_000,
    endsAtMs: Number.POSITIVE_INFINITY,
    formatOf: () => "integer",
    retryAfterMs: () => 7_000,
    onEnd: (reason) => told.push(reason),
    onGone: () => told.push("gone"),
    onShed: () => told.push("shed"),
    maxUnaskedBytes,
  });
  return { connection, told, reader: connection.body.getReader() };
}

function frame(offset: number, priority: "low" | "normal" = "normal", audience: readonly string[] = []): Frame {
  const message = messageTo("user:1", { priority, audience: audience.map(scopeOf), data: offset });
  return encodeFrame(message, `s0:0:${offset}~B`, {
    seq: offset,
    sourceIndex: 0,
    partition: 0,
    offset: BigInt(offset),
  });
}

function deliver(connection: Connection, ...frames: readonly Frame[]): void {
  connection.deliver(frames, chunkOf(frames), Date.now());
}

function offer(connection: Connection, ...frames: readonly Frame[]): void {
  connection.offer(encodePage(frames, []));
}

/** Names of all blocks until the stream ends, ids of events instead of their names. */
async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string[]> {
  const parser = new EventStreamParser();
  const seen: string[] = [];
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    for (const { event, id } of parser.push(chunk.value)) {
      seen.push(event?.startsWith("stream.") === true ? event : `${id}`);
    }
  }
  return seen;
}

Deno.test("Connection.deliver: hands bytes straight to the body while the server takes them, the chunk as it is", async () => {
  const { connection, reader } = open();
  const chunk = chunkOf([frame(1), frame(2)]);
  const reading = reader.read();
  connection.deliver([frame(1), frame(2)], chunk, Date.now());
  assert.equal((await reading).value, chunk);
  assert.equal(connection.queuedFrames, 0);
  await reader.cancel();
});

Deno.test("Connection.deliver: what the server does not take waits, and keeps its order", async () => {
  const { connection, reader } = open();
  for (let offset = 1; offset <= 6; offset++) deliver(connection, frame(offset));
  assert.ok(connection.queuedFrames > 0 && connection.queuedBytes > 0 && connection.isStalled);
  connection.send(new TextEncoder().encode("event: stream.x\ndata: 1\n\n"));
  const reading = readAll(reader);
  for (let turn = 0; turn < 50; turn++) await undefined;
  deliver(connection, frame(7));
  connection.close("max-lifetime");
  const ids = [1, 2, 3, 4, 5, 6].map((offset) => `s0:0:${offset}~B`);
  assert.deepEqual(await reading, [...ids, "stream.x", "s0:0:7~B", "stream.closing"]);
});

Deno.test("Connection.deliver: sheds low priority for a slow reader and tells so; the rest too much ends the stream", async () => {
  const { connection, told, reader } = open({ maxFrames: 2 });
  deliver(connection, frame(1));
  deliver(connection, frame(2), frame(3, "low"), frame(4));
  assert.deepEqual(told, ["shed"]);
  deliver(connection, frame(5));
  assert.deepEqual([told, connection.hasEnded], [["shed", "slow-consumer"], true]);
  assert.deepEqual(await readAll(reader), ["s0:0:1~B", "stream.closing"]);
  assert.deepEqual(told, ["shed", "slow-consumer", "gone"]);
});

Deno.test("Connection.deliver: what was shed is announced before what follows it", async () => {
  const { connection, reader } = open({ maxFrames: 1 });
  deliver(connection, frame(1));
  deliver(connection, frame(2, "low"), frame(3));
  connection.close("draining");
  assert.deepEqual(await readAll(reader), ["s0:0:1~B", "stream.events-dropped", "s0:0:3~B", "stream.closing"]);
});

Deno.test("Connection.close: a reader that may not have the rest does not get it", async () => {
  for (const reason of ["token-expired", "revoked", "slow-consumer", "banned"] as const) {
    const { connection, reader } = open();
    for (let offset = 1; offset <= 4; offset++) deliver(connection, frame(offset));
    connection.close(reason);
    const seen = await readAll(reader);
    assert.equal(seen.at(-1), "stream.closing");
    assert.ok(!seen.includes("s0:0:4~B"), reason);
  }
});

Deno.test("Connection.close: happens once, and nothing comes after it", async () => {
  const { connection, told, reader } = open();
  connection.close("max-lifetime");
  connection.close("draining");
  deliver(connection, frame(1));
  offer(connection, frame(2));
  connection.send(new TextEncoder().encode("event: stream.x\ndata: 1\n\n"));
  assert.equal(connection.heartbeat(), false);
  assert.deepEqual([await readAll(reader), told], [["stream.closing"], ["max-lifetime", "gone"]]);
});

Deno.test("Connection: a client that goes away ends the stream and whoever waits for it", async () => {
  const { connection, told, reader } = open({ maxUnaskedBytes: 1 });
  const { endSignal } = connection;
  deliver(connection, frame(1), frame(2));
  const waiting = assert.rejects(connection.room(), { name: "AbortError" });
  await reader.cancel();
  await waiting;
  assert.deepEqual([told, endSignal.aborted, connection.queuedFrames], [["client-gone", "gone"], true, 0]);
  await assert.rejects(connection.room(), { name: "AbortError" });
  deliver(connection, frame(3));
  connection.close("draining");
  assert.deepEqual(told, ["client-gone", "gone"]);
});

Deno.test("Connection.endSignal: is aborted also when it is first asked for after the end", async () => {
  const { connection, reader } = open();
  await reader.cancel();
  assert.ok(connection.endSignal.aborted);
});

Deno.test("Connection.room: is there while the server takes bytes, and again when it has taken all", async () => {
  const { connection, reader } = open({ maxUnaskedBytes: 10 });
  await connection.room();
  offer(connection, frame(1));
  let hasRoom = false;
  const room = connection.room().then(() => hasRoom = true);
  assert.ok(connection.isAwaited);
  for (let turn = 0; turn < 50; turn++) await undefined;
  assert.ok(!hasRoom);
  await reader.read();
  void reader.read();
  await room;
  assert.ok(!connection.isAwaited);
  await reader.cancel();
});

Deno.test("Connection.offer: a replayed page is never shed, whatever the queue's limits", async () => {
  const { connection, told, reader } = open({ maxFrames: 1 });
  offer(connection, frame(1), frame(2));
  offer(connection, frame(3, "low"), frame(4, "low"), frame(5));
  connection.close("draining");
  const ids = [1, 2, 3, 4, 5].map((offset) => `s0:0:${offset}~B`);
  assert.deepEqual([await readAll(reader), told], [[...ids, "stream.closing"], ["draining", "gone"]]);
});

Deno.test("Connection.heartbeat: is not written for a reader that takes nothing", async () => {
  const { connection, reader } = open({ maxUnaskedBytes: 1 });
  assert.equal(connection.heartbeat(), true);
  assert.equal(connection.heartbeat(), false);
  await reader.cancel();
});

Deno.test("Connection.mayRead: asks for every scope of the audience, by the grants; accepts asks for the event too", async () => {
  const { connection, reader } = open({ patterns: ["task.*"], grants: ["user:1", "novel:*"] });
  const answers = [[], ["user:1"], ["novel:7", "user:1"], ["user:2"], ["user:1", "session:x"]]
    .map((audience) => connection.mayRead(frame(1, "normal", audience)));
  assert.deepEqual(answers, [true, true, true, false, false]);
  assert.ok(connection.accepts(frame(1)));
  assert.ok(!connection.accepts({ ...frame(1), event: "novel.changed" }));
  assert.ok(!connection.accepts(frame(1, "normal", ["user:2"])));
  await reader.cancel();
});
