import assert from "node:assert/strict";
import { openStream, refusedStream } from "../../src/stream/open_stream.ts";
import { parseCursor } from "../../src/wire/cursor.ts";
import { type Block, EventStreamParser } from "../checker/event_stream_parser.ts";
import { HOSTILE_CURSORS } from "../wire/hostile_cursors.ts";
import { messageTo, scopeOf } from "../replay/frames.ts";
import { NodeHarness } from "./node_harness.ts";

class Node extends NodeHarness {
  open(cursor: string | undefined): Response {
    return openStream(this.context, this.reader(), { scopes: [scopeOf("user:1")], patterns: ["task.*"] }, cursor);
  }

  /** Everything that comes without anything more happening. */
  async blocks(cursor: string | undefined): Promise<Block[]> {
    const reader = this.open(cursor).body?.getReader() ?? assert.fail();
    const parser = new EventStreamParser();
    const blocks: Block[] = [];
    const read = async () => {
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        blocks.push(...parser.push(chunk.value));
      }
    };
    void read();
    for (let turn = 0; turn < 10; turn++) await this.settle();
    await reader.cancel();
    return blocks;
  }
}

const label = ({ event, data }: Block) =>
  event?.startsWith("stream.gap") === true ? `gap ${JSON.parse(data ?? "").reason}` : event;

Deno.test("openStream: a first connection is live from here, and told so at once", async () => {
  using node = new Node(3);
  const [opened, ...more] = await node.blocks(undefined);
  assert.deepEqual(more, []);
  assert.deepEqual([opened?.event, opened?.id, opened?.retryMs], ["stream.opened", node.journal.cursor(), 5_000]);
  const { connectionId, serverVersion, ...data } = JSON.parse(opened?.data ?? "");
  assert.match(connectionId, /^[0-9a-f-]{36}$/);
  assert.match(serverVersion, /^\d+\.\d+\.\d+/);
  assert.deepEqual(data, {
    heartbeatMs: 15_000,
    resumed: false,
    scopes: ["user:1"],
    events: ["task.*"],
    expiresAt: "2026-01-01T01:00:00.000Z",
    node: "n1",
  });
});

Deno.test("openStream: the first bytes do not wait for any history", async () => {
  using node = new Node(3);
  const cursor = node.journal.cursor();
  node.history.hold();
  node.journal.restart(0, "another epoch", [0n]);
  const reader = node.open(cursor).body?.getReader() ?? assert.fail();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /^retry: 5000\nevent: stream\.opened\n/);
  node.history.release();
  await reader.cancel();
});

Deno.test("openStream: empty and now are a first connection, the head of a stream is the protocol's", async () => {
  using node = new Node(3);
  for (const cursor of ["", "now"]) assert.deepEqual((await node.blocks(cursor)).map(label), ["stream.opened"]);
  const response = node.open(undefined);
  assert.equal(response.status, 200);
  assert.deepEqual(
    ["content-type", "cache-control", "x-accel-buffering", "x-content-type-options"].map((name) =>
      response.headers.get(name)
    ),
    ["text/event-stream", "private, no-store, no-transform", "no", "nosniff"],
  );
  await response.body?.cancel();
});

Deno.test("openStream: earliest is all that this node remembers, where it is allowed", async () => {
  const answers = {
    allowed: ["stream.opened", "task.done", "task.done", "stream.caught-up"],
    forbidden: ["stream.opened", "gap invalid-cursor"],
  };
  for (const [policy, answer] of Object.entries(answers)) {
    using node = new Node(2, { allowEarliest: policy === "allowed" });
    assert.deepEqual((await node.blocks("earliest")).map(label), answer);
  }
});

Deno.test("openStream: a cursor brings what came after it, then live", async () => {
  using node = new Node(2);
  const cursor = node.journal.cursor();
  node.deliver(3);
  const blocks = await node.blocks(cursor);
  assert.deepEqual(blocks.map(label), ["stream.opened", ...Array(3).fill("task.done"), "stream.caught-up"]);
  const { sources } = node.journal.positions;
  assert.deepEqual(parseCursor(blocks[0]?.id ?? "", sources), parseCursor(cursor, sources));
  assert.equal(blocks.at(-1)?.id, node.journal.cursor());
  assert.deepEqual(JSON.parse(blocks[0]?.data ?? "").resumed, true);
  assert.deepEqual(JSON.parse(blocks.at(-1)?.data ?? ""), { replayed: 3, from: "journal" });
});

Deno.test("openStream: hostile cursors are live with a gap, and no id before the gap is told", async () => {
  using node = new Node(2);
  for (const cursor of HOSTILE_CURSORS.filter((text) => text !== "").map((text) => text.replaceAll("kafka", "s0"))) {
    const blocks = await node.blocks(cursor);
    assert.deepEqual(blocks.map(label), ["stream.opened", "gap invalid-cursor"], JSON.stringify(cursor.slice(0, 80)));
    assert.deepEqual(blocks.map(({ id }) => id), [undefined, node.journal.cursor()]);
    const data = blocks.map(({ data }) => data).join();
    assert.ok(cursor.length < 4 || !data.includes(cursor), "nothing of it is echoed");
  }
});

Deno.test("openStream: a cursor of another epoch is told for each partition, with an id only behind the last", async () => {
  using node = new Node(2);
  const cursor = node.journal.cursor();
  node.journal.restart(0, "new", [0n, 0n]);
  node.history.epoch = "new";
  node.journal.append(0, 0, 0n, [messageTo("user:1")], 0);
  const blocks = await node.blocks(cursor);
  assert.deepEqual(blocks.map(label), ["stream.opened", "gap epoch", "gap epoch", "stream.caught-up"]);
  assert.deepEqual(blocks.map(({ id }) => id !== undefined), [false, false, true, true]);
});

Deno.test("openStream: a refused stream is a 200 that says so, and ends", async () => {
  using node = new Node(2, { limits: { maxTotal: 0 } });
  const response = node.open(undefined);
  assert.deepEqual([response.status, response.headers.get("x-tidegate-refused")], [200, "connection-limit"]);
  assert.deepEqual([node.observed, node.manager.count], [["refused connection-limit"], 0]);
  const [closing, ...more] = new EventStreamParser().push(new Uint8Array(await response.arrayBuffer()));
  assert.deepEqual([closing?.event, closing?.retryMs, more], ["stream.closing", 32_500, []]);
  assert.deepEqual(JSON.parse(closing?.data ?? ""), { reason: "connection-limit", retryAfterMs: 32_500 });
});

Deno.test("refusedStream: is the same for a node that is warming up", async () => {
  const response = refusedStream("overloaded", 9_000);
  assert.equal(response.headers.get("x-tidegate-refused"), "overloaded");
  assert.match(
    await response.text(),
    /^retry: 9000\nevent: stream\.closing\ndata: \{"reason":"overloaded","retryAfterMs":9000\}\n\n$/,
  );
});

Deno.test("openStream: a replay that fails is said, and the stream ends so that its client comes back", async () => {
  using node = new Node(2);
  const cursor = node.journal.cursor();
  node.deliver(1);
  node.journal.read = () => {
    throw new Error("broken");
  };
  const blocks = await node.blocks(cursor);
  assert.deepEqual(blocks.map(label), ["stream.opened", "stream.failed", "stream.closing"]);
  assert.deepEqual(JSON.parse(blocks[1]?.data ?? "").code, "source-unavailable");
  assert.ok(!JSON.stringify(blocks).includes("broken"));
  assert.equal(node.failures.length, 1);
  assert.equal(node.manager.count, 0);
});

Deno.test("openStream: a client that goes away in the middle of a replay is forgotten without a word", async () => {
  using node = new Node(2, { maxUnaskedBytes: 1 });
  const cursor = "s0:0:0";
  const response = node.open(cursor);
  await node.settle();
  await response.body?.cancel();
  await node.settle();
  assert.deepEqual([node.manager.count, node.failures], [0, []]);
});

Deno.test("openStream: more replays than the limit are refused softly as overloaded; who needs none is let in", async () => {
  const node = new Node(3);
  using _one = node.turns.enter();
  using _other = node.turns.enter();
  const [refusal] = await node.blocks("earliest");
  assert.equal(refusal?.event, "stream.closing");
  assert.match(refusal?.data ?? "", /"reason":"overloaded","retryAfterMs":[0-9]+/);
  assert.equal((await node.blocks(undefined))[0]?.event, "stream.opened");
});
