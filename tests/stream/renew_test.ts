import assert from "node:assert/strict";
import type { Grant } from "../../src/model/scope.ts";
import { renewSubscription } from "../../src/stream/subscription.ts";
import { scopeOf } from "../replay/frames.ts";
import { type OpenedStream, StreamHarness } from "./stream_harness.ts";

const LIMITS = { maxScopes: 3, maxEventPatterns: 10 };

function grants(...texts: readonly string[]): ReadonlySet<Grant> {
  // Every scope is a grant.
  return new Set(texts.map((text) => scopeOf(text) as string as Grant));
}

function scopesOf(stream: OpenedStream): readonly string[] {
  return stream.connection.scopes;
}

/** Gives the stream a token that grants these. */
function renew(node: StreamHarness, stream: OpenedStream, ...texts: readonly string[]): void {
  const reader = node.reader({ grants: grants(...texts) });
  const parsed = renewSubscription({ ...stream.connection.subscription }, reader.grants, LIMITS);
  assert.ok(parsed.kind === "subscription");
  node.manager.renew(stream.connection, reader, parsed.subscription);
}

Deno.test("renewSubscription: named scopes stay as far as they are granted, and come back with their grant", () => {
  const asked = [scopeOf("user:1"), scopeOf("novel:2")];
  const renewed = (...texts: readonly string[]) =>
    renewSubscription({ asked, scopes: asked, patterns: ["task.*"] }, grants(...texts), LIMITS);
  assert.deepEqual(renewed("user:1", "novel:9"), {
    kind: "subscription",
    subscription: { asked, scopes: [scopeOf("user:1")], patterns: ["task.*"] },
  });
  assert.deepEqual(renewed("user:1", "novel:2").kind, "subscription");
  assert.deepEqual(renewed(), { kind: "subscription", subscription: { asked, scopes: [], patterns: ["task.*"] } });
});

Deno.test("renewSubscription: who named none has all that the token grants now, up to the limit", () => {
  const old = { scopes: [scopeOf("user:1")], patterns: [] };
  const renewed = renewSubscription(old, grants("user:1", "novel:2"), LIMITS);
  assert.deepEqual(renewed.kind === "subscription" && renewed.subscription.scopes, ["user:1", "novel:2"]);
  const tooMany = renewSubscription(old, grants("user:1", "novel:2", "novel:3", "novel:4"), LIMITS);
  assert.deepEqual(tooMany.kind === "refused" && tooMany.detail, "4 scopes are more than the 3 of one stream");
});

Deno.test("StreamManager.renew: the stream lives as long as the new token, which is warned of anew", async () => {
  using node = new StreamHarness();
  const stream = node.stream({ expiresAtMs: Date.now() + 90_000 });
  await node.pass(46_000);
  assert.deepEqual(stream.events.filter((event) => event === "stream.token-expiring").length, 1);
  node.manager.renew(
    stream.connection,
    node.reader({ expiresAtMs: Date.now() + 120_000 }),
    stream.connection.subscription,
  );
  await node.pass(110_000);
  assert.equal(stream.isOver, false);
  assert.equal(stream.events.filter((event) => event === "stream.token-expiring").length, 2);
  await node.pass(20_000);
  assert.deepEqual([stream.events.at(-1), stream.isOver], ["stream.closing", true]);
  assert.equal(stream.events.includes("stream.access-changed"), false, "nothing changed but the time");
});

Deno.test("StreamManager.renew: a token that is shorter than the warning, or offered again, is no storm of warnings", async () => {
  using node = new StreamHarness();
  const warnings = async (expiresAtMs: () => number) => {
    const stream = node.stream({ expiresAtMs: expiresAtMs() });
    let seen = 0;
    for (let second = 0; second < 50; second++) {
      await node.pass(1_000);
      const told = stream.events.filter((event) => event === "stream.token-expiring").length;
      if (told > seen) {
        node.manager.renew(
          stream.connection,
          node.reader({ expiresAtMs: expiresAtMs() }),
          stream.connection.subscription,
        );
      }
      seen = told;
    }
    return { seen, isOver: stream.isOver };
  };
  // Warned of at once they would be renewed once a tick; half way is every ten seconds.
  assert.deepEqual(await warnings(() => Date.now() + 20_000), { seen: 5, isOver: false });
  const keptUntilMs = Date.now() + 45_000;
  const kept = await warnings(() => keptUntilMs);
  assert.ok(kept.seen <= 6 && kept.isOver, `${kept.seen} warnings of a token that somebody keeps until its end`);
});

Deno.test("StreamManager.renew: a new scope begins, a withdrawn one stops at once, and the reader is told", async () => {
  using node = new StreamHarness();
  const stream = node.stream();
  node.publish("novel:2");
  node.publish("user:1");
  renew(node, stream, "novel:2");
  node.publish("user:1");
  node.publish("novel:2");
  node.broadcaster.flush();
  await node.settle();
  const told = stream.blocks.filter(({ event }) => event === "stream.access-changed").map(({ data }) => data);
  assert.deepEqual(told, ['{"granted":["novel:2"],"revoked":["user:1"]}']);
  assert.deepEqual(scopesOf(stream), ["novel:2"]);
  // Nothing of the new scope from before, nothing of the old one from after, and each once.
  const ids = stream.blocks.filter(({ id, event }) => id !== undefined && event !== "stream.access-changed");
  assert.deepEqual(ids.map(({ id }) => id?.split("~")[0]), ["s0:0:1", "s0:0:3"]);
});

Deno.test("StreamManager.renew: before the replay has joined, the live part has the new scopes", async () => {
  using node = new StreamHarness();
  const connection = node.manager.open(node.reader(), { scopes: [scopeOf("user:1")], patterns: [] });
  node.manager.renew(connection, node.reader({ grants: grants("novel:2") }), {
    scopes: [scopeOf("novel:2")],
    patterns: [],
  });
  node.manager.join(connection);
  const reading = connection.body.getReader();
  node.publish("user:1");
  node.publish("novel:2");
  node.broadcaster.flush();
  const chunks = [await reading.read(), await reading.read()].map(({ value }) => new TextDecoder().decode(value));
  assert.match(chunks[0] ?? "", /access-changed/);
  assert.match(chunks[1] ?? "", /^id: s0:0:1~/);
  await reading.cancel();
});

Deno.test("StreamManager.renew: with no scope left, or with events of old grants in the queue, the stream ends", async () => {
  using node = new StreamHarness({ maxUnaskedBytes: 100 });
  const bare = node.stream();
  renew(node, bare, "novel:2", "global");
  await node.settle();
  assert.equal(bare.isOver, false, "it had named none: it follows the grants");
  node.manager.renew(bare.connection, node.reader({ grants: grants() }), { scopes: [], patterns: [] });
  await node.settle();
  assert.deepEqual([JSON.parse(bare.blocks.at(-1)?.data ?? "{}").reason, bare.isOver], ["revoked", true]);

  const slow = node.stream({ grants: grants("user:1", "novel:2") });
  await node.settle();
  slow.pause();
  node.deliver(5);
  assert.ok(slow.connection.isStalled);
  renew(node, slow, "user:1", "novel:2", "global");
  assert.equal(slow.connection.hasEnded, false, "nothing was withdrawn");
  renew(node, slow, "user:1");
  assert.deepEqual([slow.connection.hasEnded, slow.connection.queuedFrames], [true, 0]);
  slow.resume();
  await node.settle();
  assert.equal(JSON.parse(slow.blocks.at(-1)?.data ?? "{}").reason, "revoked");
});
