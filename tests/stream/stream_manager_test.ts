import assert from "node:assert/strict";
import type { Block } from "../checker/event_stream_parser.ts";
import { StreamHarness } from "./stream_harness.ts";

/** Data of the last block, as an object. */
function lastData(blocks: readonly Block[]) {
  return JSON.parse(blocks.at(-1)?.data ?? "{}");
}

Deno.test("StreamManager: caps are per principal and in all, refusals are soft, and both end with the streams", async () => {
  using node = new StreamHarness({ limits: { maxTotal: 3, maxPerPrincipal: 2 } });
  const { manager } = node;
  const refusalFor = (subject: string, issuer = "tests") => manager.refusalFor(node.reader({ issuer, subject }));
  const tabs = [node.stream({ subject: "a" }), node.stream({ subject: "a" })];
  assert.deepEqual([refusalFor("a"), refusalFor("b")], ["connection-limit", undefined]);
  assert.equal(refusalFor("a", "another issuer"), undefined, 'another issuer\'s "a" is somebody else');
  const other = node.stream({ subject: "b" });
  assert.deepEqual([manager.count, refusalFor("c")], [3, "connection-limit"]);
  await tabs[0]?.leave();
  assert.deepEqual([manager.count, refusalFor("a"), refusalFor("c")], [2, undefined, undefined]);
  for (const stream of [tabs[1], other]) await stream?.leave();
  assert.deepEqual([manager.count, node.broadcaster.memberCount], [0, 0]);
  assert.deepEqual(node.observed.slice(-2), ["ended client-gone", "ended client-gone"]);
});

Deno.test("StreamManager: whoever is shut out has no stream left when asked, nor a second later, and gets no new one", async () => {
  const banned = new Set<string>();
  using node = new StreamHarness({ banned });
  const { manager } = node;
  const [one, two, other] = [
    node.stream({ subject: "a" }),
    node.stream({ subject: "b" }),
    node.stream({ subject: "c" }),
  ];
  await node.settle();
  assert.equal(manager.closeShutOut(), 0);
  banned.add("a");
  assert.equal(manager.refusalFor(node.reader({ subject: "a" })), "banned");
  assert.deepEqual([manager.closeShutOut(), manager.closeShutOut()], [1, 0]);
  await node.settle();
  assert.deepEqual([lastData(one.blocks).reason, one.isOver], ["banned", true]);
  banned.add("b");
  await node.pass(1_000);
  assert.deepEqual([lastData(two.blocks).reason, other.isOver, manager.count], ["banned", false, 1]);
});

Deno.test("StreamManager.refuse: counts the refusal and draws a delay of the wide range", () => {
  for (const [random, delayMs] of [[0, 5_000], [1, 60_000], [0.5, 32_500]] as const) {
    using node = new StreamHarness({ random: () => random });
    assert.equal(node.manager.refuse("overloaded"), delayMs);
    assert.deepEqual(node.observed, ["refused overloaded"]);
  }
});

Deno.test("StreamManager: no stream is silent for longer than the heartbeat says, whenever its last byte was", async () => {
  for (const offsetMs of [0, 1, 499, 500, 999]) {
    using node = new StreamHarness();
    const stream = node.stream();
    await node.pass(1_000 + offsetMs);
    node.publish();
    await node.settle();
    const quietSinceMs = performance.now();
    await node.pass(60_000);
    const times = [quietSinceMs, ...stream.readAtMs.filter((ms) => ms > quietSinceMs), performance.now()];
    const silences = times.slice(1).map((ms, index) => ms - (times[index] ?? 0));
    assert.ok(Math.max(...silences) <= 15_000 && times.length < 8, `${silences}`);
  }
});

Deno.test("StreamManager: a heartbeat is a checkpoint only when the cursor has moved since the last id", async () => {
  using node = new StreamHarness();
  const stream = node.stream();
  node.publish();
  await node.pass(40_000);
  assert.deepEqual(stream.events, ["task.done"]);
  node.skip();
  await node.pass(40_000);
  assert.deepEqual(stream.events, ["task.done", "id"]);
  assert.equal(stream.blocks[1]?.id, node.journal.cursor());
  node.publish("user:2");
  await node.pass(16_000);
  assert.deepEqual(stream.events, ["task.done", "id", "id"]);
  assert.equal(stream.blocks[2]?.id, node.journal.cursor());
});

Deno.test("StreamManager: a checkpoint never runs ahead of events that wait for their flush", async () => {
  using node = new StreamHarness();
  const stream = node.stream();
  await node.pass(12_000);
  node.publish("user:2");
  // The heartbeat is due in the very turn in which an event is pending.
  node.publish();
  node.clock.tick(2_000);
  await node.settle();
  assert.equal(stream.events[0], "task.done");
});

Deno.test("StreamManager: a stream that is still replaying is told no cursor, but is not silent", async () => {
  using node = new StreamHarness();
  const connection = node.manager.open(node.reader(), { scopes: [], patterns: [] });
  const reader = connection.body.getReader();
  node.skip();
  node.clock.tick(15_000);
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), ":\n\n");
  await reader.cancel();
});

Deno.test("StreamManager: a lifetime varies by its jitter, and ends with the calm delay that the stream began with", async () => {
  for (const [random, lifetimeMs] of [[0, 480_000], [0.5, 600_000], [1, 720_000]] as const) {
    using node = new StreamHarness({ limits: { lifetimeJitter: 0.2 }, random: () => random });
    const stream = node.stream();
    await node.pass(lifetimeMs - 1_000);
    assert.ok(!stream.isOver);
    await node.pass(2_000);
    assert.ok(stream.isOver);
    assert.deepEqual(lastData(stream.blocks), { reason: "max-lifetime", retryAfterMs: stream.connection.retryMs });
    assert.deepEqual([node.manager.count, node.observed.at(-1)], [0, "ended max-lifetime"]);
  }
});

Deno.test("StreamManager: a token's end is announced once, then closes the stream with the calm delay", async () => {
  using node = new StreamHarness();
  const stream = node.stream({ expiresAtMs: Date.now() + 100_000 });
  await node.pass(39_000);
  assert.ok(!stream.events.includes("stream.token-expiring"));
  await node.pass(59_000);
  assert.equal(stream.events.filter((event) => event === "stream.token-expiring").length, 1);
  assert.equal(lastData(stream.blocks).expiresAt, "2026-01-01T00:01:40.000Z");
  await node.pass(3_000);
  assert.ok(stream.isOver);
  // A native EventSource cannot renew a token: each of its tokens ends so, and it shall not be without events for a minute.
  assert.deepEqual(lastData(stream.blocks), { reason: "token-expired", retryAfterMs: stream.connection.retryMs });
});

Deno.test("Connection: a token that ended while the process stood still gets not one more event", async () => {
  using node = new StreamHarness();
  const stream = node.stream({ expiresAtMs: Date.now() + 100_000 });
  node.publish();
  await node.settle();
  // A frozen process: the wall clock has moved on, and no timer has run.
  node.clock.setSystemTime(Date.UTC(2026, 0, 1) + 100_000);
  node.deliver(1);
  await node.settle();
  assert.deepEqual(stream.events, ["task.done", "stream.closing"]);
  assert.equal(lastData(stream.blocks).reason, "token-expired");
});

Deno.test("StreamManager: a reader that takes nothing while something waits is closed as a slow consumer", async () => {
  using node = new StreamHarness({ maxUnaskedBytes: 100 });
  const stream = node.stream();
  stream.pause();
  node.deliver(5);
  await node.pass(8_000);
  assert.ok(!stream.connection.hasEnded && stream.connection.queuedFrames > 0);
  await node.pass(4_000);
  assert.ok(stream.connection.hasEnded);
  assert.deepEqual([stream.connection.queuedFrames, stream.connection.queuedBytes, node.observed.at(-1)], [
    0,
    0,
    "ended slow-consumer",
  ]);
  assert.equal(node.manager.count, 1, "its socket cannot be cut, so it counts");
  stream.resume();
  await node.settle();
  assert.equal(lastData(stream.blocks).reason, "slow-consumer");
  assert.deepEqual([stream.isOver, node.manager.count], [true, 0]);
});

Deno.test("StreamManager: a replay that waits for a reader who takes nothing is closed as a slow consumer too", async () => {
  using node = new StreamHarness({ maxUnaskedBytes: 1 });
  const connection = node.manager.open(node.reader(), { scopes: [], patterns: [] });
  connection.send(new TextEncoder().encode(":\n\n"));
  const waiting = assert.rejects(connection.room(), { name: "AbortError" });
  await node.pass(12_000);
  assert.equal(node.observed.at(-1), "ended slow-consumer");
  await waiting;
  await connection.body.cancel();
});

Deno.test("StreamManager: a reader that is only idle is no slow consumer", async () => {
  using node = new StreamHarness();
  const stream = node.stream();
  stream.pause();
  await node.pass(60_000);
  assert.ok(!stream.connection.hasEnded);
});

Deno.test("StreamManager: a closed stream whose reader takes nothing counts no longer than its lifetime", async () => {
  using node = new StreamHarness({ maxUnaskedBytes: 100 });
  const stream = node.stream();
  stream.pause();
  node.deliver(5);
  await node.pass(599_000);
  assert.deepEqual([stream.connection.hasEnded, node.manager.count], [true, 1]);
  await node.pass(2_000);
  assert.equal(node.manager.count, 0);
});

Deno.test("StreamManager.drain: refuses at once, closes each stream within the window, and resolves when all are gone", async () => {
  const moments = [0.1, 0.9, 0.5];
  using node = new StreamHarness({ random: () => moments.shift() ?? 0.5 });
  moments.length = 0;
  const streams = [node.stream(), node.stream(), node.stream()];
  moments.push(0.1, 0.9, 0.5);
  let isDrained = false;
  const drained = node.manager.drain(10_000).then(() => isDrained = true);
  assert.equal(node.manager.refusalFor(node.reader()), "draining");
  const openAfter: number[] = [];
  for (let second = 0; second < 10; second++) {
    await node.pass(1_000);
    openAfter.push(streams.filter(({ isOver }) => !isOver).length);
  }
  await drained;
  assert.ok(isDrained);
  assert.deepEqual(openAfter, [2, 2, 2, 2, 1, 1, 1, 1, 0, 0]);
  for (const { blocks } of streams) assert.equal(lastData(blocks).reason, "draining");
});

Deno.test("StreamManager.drain: what waits for a slow reader goes out before the last event", async () => {
  using node = new StreamHarness({ maxUnaskedBytes: 100 });
  const stream = node.stream();
  stream.pause();
  node.deliver(5);
  const drained = node.manager.drain(1_000);
  await node.pass(600);
  stream.resume();
  await node.settle();
  await drained;
  assert.deepEqual(stream.events, [...Array(5).fill("task.done"), "stream.closing"]);
});

Deno.test("StreamManager.drain: a reader that takes nothing does not keep the node from going", async () => {
  using node = new StreamHarness({ maxUnaskedBytes: 100 });
  const stream = node.stream();
  stream.pause();
  node.deliver(5);
  const drained = node.manager.drain(10_000);
  await node.pass(10_000);
  await drained;
  assert.deepEqual([node.manager.count, node.broadcaster.memberCount], [0, 0]);
});

Deno.test("StreamManager.drain: with no stream it is over at once", async () => {
  using node = new StreamHarness();
  await node.manager.drain(10_000);
  assert.equal(node.manager.refusalFor(node.reader()), "draining");
});

Deno.test("StreamManager.tellAll: every open stream hears it", async () => {
  using node = new StreamHarness();
  const streams = [node.stream(), node.stream()];
  node.manager.tellAll(new TextEncoder().encode("event: stream.x\ndata: {}\n\n"));
  await node.settle();
  assert.deepEqual(streams.map(({ events }) => events), [["stream.x"], ["stream.x"]]);
});

Deno.test("StreamManager: 500 streams that come and go in every way leave nothing behind", async () => {
  using node = new StreamHarness({ limits: { maxPerPrincipal: 1_000 }, maxUnaskedBytes: 200 });
  for (let count = 0; count < 500; count++) {
    const stream = node.stream({
      subject: `s${count % 7}`,
      expiresAtMs: Date.now() + (count % 5 === 0 ? 20_000 : 3_600_000),
    });
    if (count % 4 === 0) await stream.leave();
    else if (count % 4 === 1) stream.pause();
    node.publish();
  }
  await node.pass(700_000);
  const { manager, broadcaster } = node;
  assert.deepEqual([manager.count, broadcaster.memberCount, [...manager.connections()]], [0, 0, []]);
  assert.equal(node.observed.filter((text) => text === "opened").length, 500);
  assert.equal(node.observed.filter((text) => text.startsWith("ended")).length, 500);
});

Deno.test("StreamManager: disposed of, it closes what is open and leaves no timer", async () => {
  const node = new StreamHarness();
  const stream = node.stream();
  node[Symbol.dispose]();
  await node.settle();
  assert.equal(lastData(stream.blocks).reason, "draining");
  assert.equal(node.clock.countTimers(), 0);
});
