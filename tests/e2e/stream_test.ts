import assert from "node:assert/strict";
import { RunningGateway } from "./running_gateway.ts";

Deno.test("GET stream: opens with retry and stream.opened, then delivers a published event to its scope alone", async () => {
  await using running = await RunningGateway.start();
  const alice = await running.tokenFor("alice");
  const bob = await running.tokenFor("bob");
  await using aliceStream = await running.stream(alice);
  await using bobStream = await running.stream(bob);
  const opened = await aliceStream.next();
  assert.equal(opened.event, "stream.opened");
  assert.deepEqual(JSON.parse(opened.data).scopes.toSorted(), ["global", "user:alice"]);
  assert.ok(aliceStream.retryMs !== undefined && aliceStream.retryMs >= 2_000 && aliceStream.retryMs <= 8_000);
  await bobStream.next();

  const published = await running.publish(alice, [
    { event: "task.progress-updated", scope: "user:alice", data: { taskId: "t1", progress: 40 } },
    { event: "system.notification-sent", scope: "global", data: { notificationId: "n1", level: "info", title: "hi" } },
  ]);
  assert.equal(published.status, 201);
  const { ids, durability } = await published.json();
  assert.equal(durability, "memory");

  const event = await aliceStream.next();
  assert.equal(event.event, "task.progress-updated");
  assert.ok(event.id?.startsWith(`${ids[0]}~`), `${event.id} begins with ${ids[0]}`);
  const { version, scope, data } = JSON.parse(event.data);
  assert.deepEqual({ version, scope, data }, { version: 1, scope: "user:alice", data: { taskId: "t1", progress: 40 } });
  const forBob = await bobStream.next();
  assert.equal(forBob.event, "system.notification-sent", "bob sees the global event and nothing of alice's");
});

Deno.test("GET stream: a reconnect with Last-Event-ID gets what it missed, then stream.caught-up, then live", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const send = (n: number) =>
    running.publish(token, { event: "test.numbered-sent", scope: "user:alice", data: n }).then((r) => r.body?.cancel());
  let cursor = "";
  {
    await using first = await running.stream(token);
    await first.next();
    await send(1);
    cursor = (await first.next()).id ?? "";
  }
  for (const n of [2, 3, 4]) await send(n);
  await using second = await running.stream(token, "", { "last-event-id": cursor });
  assert.equal(JSON.parse((await second.next()).data).resumed, true);
  const replayed = await second.until(({ event }) => event === "stream.caught-up");
  assert.deepEqual(replayed.slice(0, -1).map(({ data }) => JSON.parse(data).data), [2, 3, 4]);
  assert.deepEqual(JSON.parse(replayed.at(-1)?.data ?? ""), { replayed: 3, from: "journal" });
  await send(5);
  assert.equal(JSON.parse((await second.next()).data).data, 5);
});

Deno.test("GET stream: what the journal has evicted is replayed from the bus, and its ids stay true", async () => {
  await using running = await RunningGateway.start({ journal: { maxEvents: 10 } });
  const token = await running.tokenFor("alice");
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  const body = numbers.map((n) => ({
    event: "test.numbered-sent",
    scope: n % 2 === 0 ? "user:alice" : "user:bob",
    data: n,
  }));
  let cursor = "";
  {
    await using first = await running.stream(token);
    cursor = (await first.next()).id ?? "";
    assert.equal(await running.publish(token, body).then(async (r) => (await r.body?.cancel(), r.status)), 201);
    await first.until(({ data }) => JSON.parse(data).data === 498);
  }
  await using second = await running.stream(token, "", { "last-event-id": cursor });
  await second.next();
  const replayed = await second.until(({ event }) => event === "stream.caught-up");
  const events = replayed.slice(0, -1);
  assert.deepEqual(events.map(({ data }) => JSON.parse(data).data), numbers.filter((n) => n % 2 === 0));
  assert.equal(JSON.parse(replayed.at(-1)?.data ?? "").from, "bus");
  const middle = events[100]?.id ?? "";
  await using third = await running.stream(token, `?last_event_id=${encodeURIComponent(middle)}`);
  await third.next();
  assert.equal(JSON.parse((await third.next()).data).data, 202, "a replayed event's id resumes right behind it");
});

Deno.test("GET stream: a cursor of another incarnation of the log is announced as a gap of reason epoch", async () => {
  let cursor = "";
  {
    await using running = await RunningGateway.start();
    const token = await running.tokenFor("alice");
    await using stream = await running.stream(token);
    await stream.next();
    await running.publish(token, { event: "test.numbered-sent", scope: "user:alice", data: 1 }).then((r) =>
      r.body?.cancel()
    );
    cursor = (await stream.next()).id ?? "";
  }
  await using restarted = await RunningGateway.start();
  await using stream = await restarted.stream(await restarted.tokenFor("alice"), "", { "last-event-id": cursor });
  await stream.next();
  const gap = await stream.next();
  assert.equal(gap.event, "stream.gap-detected");
  assert.equal(JSON.parse(gap.data).reason, "epoch");
});

for (
  const cursor of [
    "events:0:9223372036854775808",
    "events:0:1e3",
    "events:0:0x10",
    "events:0:+5",
    "events:00:05",
    "x".repeat(4_097),
    "<script>alert(1)</script>",
    "events:0:5~!!!",
    "a\r\nevent: x".replaceAll(/\r\n/g, "%0d%0a"),
  ]
) {
  Deno.test(`GET stream: cursor ${JSON.stringify(cursor.slice(0, 40))} is a gap of reason invalid-cursor, then live`, async () => {
    await using running = await RunningGateway.start();
    const token = await running.tokenFor("alice");
    await using stream = await running.stream(token, `?last_event_id=${encodeURIComponent(cursor)}`);
    await stream.next();
    const gap = await stream.next();
    assert.equal(gap.event, "stream.gap-detected");
    assert.equal(JSON.parse(gap.data).reason, "invalid-cursor");
    await running.publish(token, { event: "test.numbered-sent", scope: "user:alice", data: 1 }).then((r) =>
      r.body?.cancel()
    );
    assert.equal((await stream.next()).event, "test.numbered-sent");
    assert.ok(!stream.text.includes(cursor), "the cursor is not echoed");
  });
}

Deno.test("GET stream: a cursor beyond the log's end is a gap of reason ahead, then live, never a silent wait", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  await using stream = await running.stream(token, "?last_event_id=events:0:9223372036854775807");
  await stream.next();
  const gap = await stream.next();
  assert.deepEqual([gap.event, JSON.parse(gap.data).reason], ["stream.gap-detected", "ahead"]);
  await stream.until(({ event }) => event === "stream.caught-up");
  await running.publish(token, { event: "test.numbered-sent", scope: "user:alice", data: 1 }).then((r) =>
    r.body?.cancel()
  );
  assert.equal((await stream.next()).event, "test.numbered-sent");
});

Deno.test("GET stream: the stream of a token that expires ends with stream.closing token-expired after a warning", async () => {
  await using running = await RunningGateway.start({ streams: { tokenWarning: "60s" } });
  await using stream = await running.stream(await running.tokenFor("alice", [], 2_000));
  await stream.next();
  assert.equal((await stream.next()).event, "stream.token-expiring");
  const closing = await stream.next();
  assert.deepEqual([closing.event, JSON.parse(closing.data).reason], ["stream.closing", "token-expired"]);
  await stream.over();
});

Deno.test("GET stream: more streams than a principal may have are refused softly, with Prefer: status as 429", async () => {
  await using running = await RunningGateway.start({ streams: { maxPerPrincipal: 1 } });
  const token = await running.tokenFor("alice");
  await using first = await running.stream(token);
  await first.next();
  await using refused = await running.stream(token);
  assert.equal(refused.response.status, 200);
  assert.equal(refused.response.headers.get("x-tidegate-refused"), "connection-limit");
  assert.deepEqual(JSON.parse((await refused.next()).data).reason, "connection-limit");
  await refused.over();
  assert.ok((refused.retryMs ?? 0) >= 5_000);
  await using status = await running.stream(token, "", { prefer: "status" });
  assert.equal(status.response.status, 429);
  assert.ok(Number(status.response.headers.get("retry-after")) >= 5);
});

Deno.test("GET stream: a principal that opens streams faster than its rate is refused softly, another one is not", async () => {
  await using running = await RunningGateway.start({ streams: { openRate: { perSecond: 0.01, burst: 2 } } });
  const token = await running.tokenFor("alice");
  for (const expected of [null, null, "rate-limited"]) {
    await using stream = await running.stream(token);
    assert.equal(stream.response.headers.get("x-tidegate-refused"), expected);
  }
  await using other = await running.stream(await running.tokenFor("bob"));
  assert.equal((await other.next()).event, "stream.opened");
});
