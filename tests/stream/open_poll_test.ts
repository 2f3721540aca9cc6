import assert from "node:assert/strict";
import { openPoll, type PollOutcome } from "../../src/stream/open_poll.ts";
import type { Reader } from "../../src/stream/reader.ts";
import { scopeOf } from "../replay/frames.ts";
import { HOSTILE_CURSORS } from "../wire/hostile_cursors.ts";
import { NodeHarness } from "./node_harness.ts";

interface Answer {
  readonly cursor: string;
  readonly events: readonly { readonly id: string; readonly event: string }[];
  readonly gaps: readonly { readonly reason: string; readonly id?: string }[];
  readonly caughtUp: boolean;
}

/** A poll under way, or what became of it. */
class OpenedPoll {
  readonly outcome: Promise<PollOutcome>;
  answer: Answer | undefined;
  settled: PollOutcome["kind"] | undefined;
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(outcome: Promise<PollOutcome>) {
    this.outcome = outcome;
    void this.#read();
  }

  async #read(): Promise<void> {
    const outcome = await this.outcome;
    this.settled = outcome.kind;
    if (outcome.kind !== "answer") return;
    this.reader = outcome.body.getReader();
    let text = "";
    for (let chunk = await this.reader.read(); !chunk.done; chunk = await this.reader.read()) {
      text += new TextDecoder().decode(chunk.value);
    }
    if (text !== "") this.answer = JSON.parse(text);
  }
}

class Node extends NodeHarness {
  poll(cursor: string | undefined, waitMs = 25_000, maxEvents = 500, rest: Partial<Reader> = {}): OpenedPoll {
    const subscription = { scopes: [scopeOf("user:1")], patterns: [] };
    const wish = { waitMs, maxEvents };
    return new OpenedPoll(openPoll(this.context, this.reader(rest), subscription, cursor, wish));
  }

  override async settle(): Promise<void> {
    for (let round = 0; round < 10; round++) await super.settle();
  }
}

const offsets = (answer: Answer | undefined) => answer?.events.map(({ id }) => Number(id.split("~")[0]?.split(":")[2]));

Deno.test("openPoll: without a cursor it answers at once with the cursor of now, and nothing of the past", async () => {
  using node = new Node(3);
  const poll = node.poll(undefined);
  await node.settle();
  assert.deepEqual(poll.answer, { cursor: node.journal.cursor(), events: [], gaps: [], caughtUp: true });
  assert.deepEqual([node.manager.count, node.broadcaster.memberCount], [0, 0]);
});

Deno.test("openPoll: what was missed is answered at once, and the cursor is the head's", async () => {
  using node = new Node(2);
  const cursor = node.journal.cursor();
  node.deliver(3);
  const poll = node.poll(cursor);
  await node.settle();
  assert.deepEqual([offsets(poll.answer), poll.answer?.caughtUp], [[2, 3, 4], true]);
  assert.equal(poll.answer?.cursor, node.journal.cursor());
});

Deno.test("openPoll: limit cuts the answer, and each next poll goes on where the last one ended", async () => {
  using node = new Node(7);
  const seen: (readonly number[] | undefined)[] = [];
  const caughtUp: (boolean | undefined)[] = [];
  let cursor = "earliest";
  for (let polls = 0; polls < 3; polls++) {
    const poll = node.poll(cursor, 0, 3);
    await node.settle();
    seen.push(offsets(poll.answer));
    caughtUp.push(poll.answer?.caughtUp);
    cursor = poll.answer?.cursor ?? "";
  }
  assert.deepEqual([seen, caughtUp], [[[0, 1, 2], [3, 4, 5], [6]], [false, false, true]]);
});

Deno.test("openPoll: bytes bound an answer too, but one event always fits", async () => {
  for (const [maxBytes, count] of [[1, 1], [400, 2]] as const) {
    using node = new Node(5, { limits: { sendQueue: { maxFrames: 1_000, maxBytes } } });
    const poll = node.poll("earliest");
    await node.settle();
    assert.deepEqual([poll.answer?.events.length, poll.answer?.caughtUp], [count, false]);
  }
});

Deno.test("openPoll: where nothing was missed it waits, and answers with the first flush", async () => {
  using node = new Node(2);
  const poll = node.poll(node.journal.cursor());
  await node.settle();
  assert.deepEqual([poll.settled, poll.answer, node.manager.count], ["answer", undefined, 1]);
  node.publish();
  node.publish();
  node.broadcaster.flush();
  await node.settle();
  assert.deepEqual([offsets(poll.answer), poll.answer?.caughtUp], [[2, 3], true]);
  assert.deepEqual([node.manager.count, node.broadcaster.memberCount], [0, 0]);
});

Deno.test("openPoll: a flush with more than the limit is cut, and the rest is there for the next poll", async () => {
  using node = new Node(0);
  const poll = node.poll(node.journal.cursor(), 25_000, 1);
  await node.settle();
  node.publish();
  node.publish();
  node.broadcaster.flush();
  await node.settle();
  assert.deepEqual([offsets(poll.answer), poll.answer?.caughtUp], [[0], false]);
  const next = node.poll(poll.answer?.cursor);
  await node.settle();
  assert.deepEqual([offsets(next.answer), next.answer?.caughtUp], [[1], true]);
});

Deno.test("openPoll: a wait that ends brings the cursor of now, which events for others have moved", async () => {
  using node = new Node(2);
  const cursor = node.journal.cursor();
  const poll = node.poll(cursor);
  await node.settle();
  node.publish("user:2");
  await node.pass(24_000);
  assert.equal(node.manager.count, 1);
  await node.pass(1_000);
  assert.deepEqual(poll.answer, { cursor: node.journal.cursor(), events: [], gaps: [], caughtUp: true });
  assert.notEqual(node.journal.cursor(), cursor);
});

Deno.test("openPoll: what waits for its flush when the wait ends is in the answer", async () => {
  using node = new Node(0);
  const poll = node.poll(node.journal.cursor(), 1_000);
  await node.settle();
  node.clock.tick(999);
  node.publish();
  node.clock.tick(1);
  await node.settle();
  assert.deepEqual(offsets(poll.answer), [0]);
});

Deno.test("openPoll: counts while it waits, and a client that goes away frees its place", async () => {
  using node = new Node(1, { limits: { maxPerPrincipal: 1 } });
  const poll = node.poll(node.journal.cursor());
  await node.settle();
  const refused = node.poll(node.journal.cursor());
  await node.settle();
  assert.deepEqual([refused.settled, node.observed], ["refused", ["refused connection-limit"]]);
  await poll.reader?.cancel();
  assert.deepEqual([node.manager.count, node.broadcaster.memberCount, node.clock.countTimers()], [0, 0, 1]);
});

Deno.test("openPoll: counts until the server has taken the answer, or for a minute", async () => {
  using node = new Node(1);
  const outcome = await openPoll(
    node.context,
    node.reader(),
    { scopes: [scopeOf("user:1")], patterns: [] },
    undefined,
    { waitMs: 0, maxEvents: 1 },
  );
  assert.equal(outcome.kind, "answer");
  await node.pass(59_000);
  assert.equal(node.manager.count, 1);
  await node.pass(1_000);
  assert.equal(node.manager.count, 0);
});

Deno.test("openPoll: a drain ends its wait with the cursor of now, and refuses the next", async () => {
  using node = new Node(1);
  const poll = node.poll(node.journal.cursor());
  await node.settle();
  const drained = node.manager.drain(10_000);
  await node.pass(5_000);
  assert.deepEqual(poll.answer, { cursor: node.journal.cursor(), events: [], gaps: [], caughtUp: true });
  await drained;
  const late = node.poll(node.journal.cursor());
  assert.deepEqual(await late.outcome, { kind: "refused", reason: "draining", retryMs: 32_500 });
});

Deno.test("openPoll: a drain in the middle of a replay refuses it, and its cursor stays good", async () => {
  using node = new Node(3);
  node.journal.expire(Number.POSITIVE_INFINITY);
  node.history.hold();
  const poll = node.poll("s0:0:0");
  await node.settle();
  const drained = node.manager.drain(0);
  await node.pass(1_000);
  node.history.release();
  await node.settle();
  await drained;
  assert.deepEqual([poll.settled, node.manager.count], ["refused", 0]);
});

Deno.test("openPoll: the wait ends with the token", async () => {
  using node = new Node(1);
  const poll = node.poll(node.journal.cursor(), 25_000, 500, { expiresAtMs: Date.now() + 3_000 });
  await node.settle();
  await node.pass(3_000);
  assert.deepEqual(poll.answer?.events, []);
});

Deno.test("openPoll: nothing is told to a reader who was shut out meanwhile, and the cursor stays ahead of it", async () => {
  const banned = new Set<string>();
  using node = new Node(1, { banned });
  const cursor = node.journal.cursor();
  const poll = node.poll(cursor);
  await node.settle();
  banned.add("someone");
  node.deliver(1);
  await node.settle();
  assert.deepEqual(poll.answer, { cursor, events: [], gaps: [], caughtUp: false });
  assert.deepEqual(await node.poll(cursor).outcome, { kind: "refused", reason: "banned", retryMs: 32_500 });
  assert.equal(node.manager.count, 0);
});

Deno.test("openPoll: a reader who is shut out while it waits is answered with nothing, at once", async () => {
  const banned = new Set<string>();
  using node = new Node(1, { banned });
  const cursor = node.journal.cursor();
  const poll = node.poll(cursor);
  await node.settle();
  // It waits for its flush.
  node.publish();
  banned.add("someone");
  assert.equal(node.manager.closeShutOut(), 1);
  await node.settle();
  assert.deepEqual([poll.answer, node.manager.count], [{ cursor, events: [], gaps: [], caughtUp: false }, 0]);
});

Deno.test("openPoll: a reader who is shut out while what it missed is read gets nothing of it", async () => {
  const banned = new Set<string>();
  using node = new Node(3, { banned });
  node.journal.expire(Number.POSITIVE_INFINITY);
  node.history.hold();
  const poll = node.poll("s0:0:0");
  await node.settle();
  banned.add("someone");
  node.history.release();
  await node.settle();
  assert.deepEqual([poll.settled, node.manager.count], ["not-entitled", 0]);
});

Deno.test("openPoll: a gap is in the answer with its reason, and the cursor covers it from then on", async () => {
  using node = new Node(2);
  const cursor = node.journal.cursor();
  node.journal.restart(0, "new", [0n, 0n]);
  node.history.epoch = "new";
  const poll = node.poll(cursor);
  await node.settle();
  assert.deepEqual(poll.answer?.gaps.map(({ reason, id }) => [reason, id !== undefined]), [
    ["epoch", false],
    ["epoch", true],
  ]);
  const next = node.poll(poll.answer?.cursor, 0);
  await node.settle();
  assert.deepEqual(next.answer?.gaps, []);
});

Deno.test("openPoll: hostile cursors are the gap invalid-cursor and the cursor of now, and nothing of them is echoed", async () => {
  using node = new Node(2);
  for (const cursor of HOSTILE_CURSORS.filter((text) => text !== "").map((text) => text.replaceAll("kafka", "s0"))) {
    const poll = node.poll(cursor);
    await node.settle();
    const { gaps, ...rest } = poll.answer ?? assert.fail(JSON.stringify(cursor.slice(0, 80)));
    assert.deepEqual(gaps.map(({ reason }) => reason), ["invalid-cursor"], JSON.stringify(cursor.slice(0, 80)));
    assert.deepEqual(rest, { cursor: node.journal.cursor(), events: [], caughtUp: true });
  }
});

Deno.test("openPoll: a replay that fails is unreadable, logged once, and counts no longer", async () => {
  using node = new Node(2);
  const cursor = node.journal.cursor();
  node.deliver(1);
  node.journal.read = () => {
    throw new Error("broken");
  };
  const poll = node.poll(cursor);
  await node.settle();
  assert.deepEqual([poll.settled, node.failures.length, node.manager.count], ["unreadable", 1, 0]);
});

Deno.test("openPoll: history that does not come in 30 s is unreadable", async () => {
  using node = new Node(3);
  node.journal.expire(Number.POSITIVE_INFINITY);
  node.history.hold();
  const poll = node.poll("s0:0:0");
  await node.settle();
  await node.pass(30_000);
  node.history.release();
  await node.settle();
  assert.deepEqual([poll.settled, node.manager.count, node.failures], ["unreadable", 0, []]);
});

Deno.test("openPoll: more replays than the limit are refused as overloaded; who has no cursor is let in", async () => {
  using node = new Node(3);
  using _one = node.turns.enter();
  using _other = node.turns.enter();
  assert.deepEqual(await node.poll("earliest").outcome, { kind: "refused", reason: "overloaded", retryMs: 32_500 });
  assert.equal((await node.poll(undefined).outcome).kind, "answer");
  await node.settle();
});
