import assert from "node:assert/strict";
import { RunningGateway } from "./running_gateway.ts";

Deno.test("POST events: the same Idempotency-Key and body give the same ids and one event; another body is 422", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  await using stream = await running.stream(token);
  await stream.next();
  const body = { event: "test.numbered-sent", scope: "user:alice", data: 1 };
  const key = { "idempotency-key": "k1" };
  const answers = await Promise.all([1, 2, 3].map(() => running.publish(token, body, key)));
  const ids = await Promise.all(answers.map(async (answer) => (await answer.json()).ids[0]));
  assert.equal(new Set(ids).size, 1);
  const other = await running.publish(token, { ...body, data: 2 }, key);
  assert.equal(other.status, 422);
  assert.equal((await other.json()).code, "idempotency-conflict");
  await running.publish(token, { ...body, data: "last" }).then((answer) => answer.body?.cancel());
  assert.deepEqual([await stream.next(), await stream.next()].map(({ data }) => JSON.parse(data).data), [1, "last"]);
});

Deno.test("POST events: an integer past 2^53 keeps its digits on its way to the stream", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  await using stream = await running.stream(token);
  await stream.next();
  const body = '{"event":"test.numbered-sent","scope":"user:alice","data":{"n":9007199254740993}}';
  assert.equal(
    await running.publish(token, body).then(async (answer) => (await answer.body?.cancel(), answer.status)),
    201,
  );
  assert.match((await stream.next()).data, /"n":9007199254740993/);
});

Deno.test("POST events: a number beyond a double's range reaches the stream as it was written, not as null", async () => {
  await using running = await RunningGateway.start();
  const alice = await running.tokenFor("alice");
  await using stream = await running.stream(alice);
  await stream.next();
  const text = '{"a":1e999,"b":[-1E+400,1e308],"text":"1e999"}';
  const body = `{"event":"test.numbered-sent","scope":"user:alice","data":${text}}`;
  const response = await running.publish(alice, body);
  assert.equal(response.status, 201, await response.text());
  assert((await stream.next()).data.endsWith(`"data":{"a":1e999,"b":[-1E+400,1e+308],"text":"1e999"}}`), stream.text);
});

Deno.test("POST events: an audience withholds the event from readers that hold its scope but not the audience", async () => {
  await using running = await RunningGateway.start();
  const editor = await running.tokenFor("ed", ["novel:7", "session:s1"]);
  const reader = await running.tokenFor("rita", ["novel:7"]);
  await using editorStream = await running.stream(editor, "?scope=novel:7");
  await using readerStream = await running.stream(reader, "?scope=novel:7");
  await editorStream.next();
  await readerStream.next();
  await running.publish(editor, [
    { event: "test.numbered-sent", scope: "novel:7", audience: ["session:s1"], data: "for the session" },
    { event: "test.numbered-sent", scope: "novel:7", data: "for all" },
  ]).then((answer) => answer.body?.cancel());
  assert.equal(JSON.parse((await editorStream.next()).data).data, "for the session");
  assert.equal(JSON.parse((await readerStream.next()).data).data, "for all");
});

Deno.test("POST events: data of a built-in name is held against its schema where publish.validate says so", async () => {
  const wrong = { event: "task.progress-updated", scope: "user:alice", data: { taskId: "t1", progress: "half" } };
  const right = { ...wrong, data: { taskId: "t1", progress: 50, further: true } };
  const own = { event: "order.parcel-shipped", scope: "user:alice", data: { progress: "half" } };
  const publishTo = async (running: RunningGateway, body: unknown) => {
    const response = await running.publish(await running.tokenFor("alice"), body);
    const { code, detail } = await response.json();
    return [response.status, code, detail];
  };
  await using checking = await RunningGateway.start({ publish: { validate: true } });
  await using stream = await checking.stream(await checking.tokenFor("alice"));
  await stream.next();
  const [status, code, detail] = await publishTo(checking, [right, wrong]);
  assert.deepEqual([status, code], [400, "invalid-event"]);
  assert.match(detail, /^Event 1: It does not fit its schema: task\.progress-updated: progress: .*number/);
  assert.equal((await publishTo(checking, { ...wrong, data: undefined }))[0], 400, "none at all does not fit either");
  assert.equal((await publishTo(checking, [own, right]))[0], 201);
  assert.deepEqual(
    [(await stream.next()).event, (await stream.next()).event],
    [own.event, right.event],
    "and no other",
  );
  await using trusting = await RunningGateway.start();
  assert.equal((await publishTo(trusting, wrong))[0], 201);
});

Deno.test("POST events: a token without events:publish is refused, whatever it sends", async () => {
  await using running = await RunningGateway.start({ publish: { maxBatch: 10 } });
  const token = await running.tokenFor("alice", [], 3_600_000, false);
  const answer = await running.publish(token, "not even JSON");
  assert.equal(answer.status, 403);
  assert.equal((await answer.json()).code, "publish-not-granted");
});

Deno.test("POST events: a principal that publishes faster than its rate is refused with Retry-After, another one is not", async () => {
  await using running = await RunningGateway.start({
    publish: { maxBatch: 3, rate: { perSecond: 0.5, burst: 4 } },
  });
  const token = await running.tokenFor("alice");
  await using stream = await running.stream(token);
  await stream.next();
  const event = { event: "test.numbered-sent", scope: "user:alice", data: 1 };
  const statusOf = async (publisher: string, body: unknown) => {
    const answer = await running.publish(publisher, body);
    const { code } = await answer.json();
    return { status: answer.status, code, retryAfter: answer.headers.get("retry-after") };
  };
  assert.equal((await statusOf(token, [event, event, event])).status, 201);
  const refused = { status: 429, code: "too-many-requests" };
  // One event may still come; of the batch's second it is too early, and all of it stays away.
  assert.deepEqual(await statusOf(token, [event, event]), { ...refused, retryAfter: "2" });
  assert.deepEqual(await statusOf(token, "not even JSON"), { ...refused, retryAfter: "2" });
  const bob = await running.tokenFor("bob");
  assert.equal((await statusOf(bob, { ...event, data: "bob" })).status, 201);
  const seen = [await stream.next(), await stream.next(), await stream.next(), await stream.next()];
  assert.deepEqual(seen.map(({ data }) => JSON.parse(data).data), [1, 1, 1, "bob"]);
});

Deno.test("POST tickets: a ticket opens one stream with its subject's scopes, once", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const answer = await fetch(`${running.url}/api/v1/events/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 201);
  const { ticket } = await answer.json();
  const url = `${running.url}/api/v1/events/stream?ticket=${encodeURIComponent(ticket)}`;
  const source = new EventSource(url);
  const opened = await new Promise<MessageEvent>((resolve, reject) => {
    source.addEventListener("stream.opened", resolve);
    source.addEventListener("error", () => reject(new Error("the ticket was refused")));
  });
  assert.ok(JSON.parse(opened.data).scopes.includes("user:alice"));
  source.close();
  const again = await fetch(url);
  assert.equal(again.status, 401);
  assert.equal((await again.json()).code, "ticket-invalid");
});

Deno.test("GET /, /livez, /readyz, HEAD stream: answer without a token, and open no stream", async () => {
  await using running = await RunningGateway.start();
  const home = await fetch(running.url);
  assert.match(await home.text(), /GET \/api\/v1\/events\/stream/);
  const live = await fetch(`${running.url}/livez`);
  assert.deepEqual(await live.json(), { live: true });
  const ready = await fetch(`${running.url}/readyz`);
  assert.deepEqual(await ready.json(), {
    ready: true,
    draining: false,
    sources: [{ source: "events", state: "up" }],
  });
  const head = await fetch(`${running.url}/api/v1/events/stream`, { method: "HEAD" });
  assert.equal(head.headers.get("content-type"), "text/event-stream");
});

Deno.test("CORS: a listed origin may read, with its credentials; any other, and null, are told nothing", async () => {
  await using running = await RunningGateway.start({ server: { corsOrigins: ["https://app.example"] } });
  const answer = async (origin: string) => {
    const response = await fetch(running.url, { headers: { origin } });
    await response.body?.cancel();
    assert.equal(response.headers.get("vary"), "Origin");
    return response.headers.get("access-control-allow-origin");
  };
  assert.equal(await answer("https://app.example"), "https://app.example");
  for (const origin of ["null", "http://app.example", "https://app.example.evil.com", "https://evil.example"]) {
    assert.equal(await answer(origin), null, origin);
  }
  const preflight = await fetch(`${running.url}/api/v1/events`, {
    method: "OPTIONS",
    headers: { origin: "https://app.example", "access-control-request-method": "POST" },
  });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /last-event-id/);
});

Deno.test("drain: every stream ends with stream.closing draining, readiness turns red, new streams are refused softly", async () => {
  await using running = await RunningGateway.start({ drain: { window: "1s" } });
  const token = await running.tokenFor("alice");
  const streams = await Promise.all([1, 2, 3, 4, 5].map(() => running.stream(token)));
  for (const stream of streams) await stream.next();
  const drained = running.gateway.drain();
  const ready = await fetch(`${running.url}/readyz`);
  assert.deepEqual([ready.status, (await ready.json()).draining], [503, true]);
  await using late = await running.stream(token);
  assert.equal(late.response.headers.get("x-tidegate-refused"), "draining");
  for (const stream of streams) {
    const closing = await stream.next();
    assert.deepEqual([closing.event, JSON.parse(closing.data).reason], ["stream.closing", "draining"]);
    await stream.over();
  }
  await late.over();
  await drained;
});
