/** Long polling on a real gateway: over HTTP, from the embedded log and from Kafka, and behind a proxy that buffers. */
import assert from "node:assert/strict";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { startNginx } from "../support/nginx_server.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { RunningGateway } from "./running_gateway.ts";

interface Answer {
  readonly cursor: string;
  readonly events: readonly {
    readonly id: string;
    readonly event: string;
    readonly data: { readonly data: unknown };
  }[];
  readonly gaps: readonly { readonly reason: string; readonly eventsBefore: number }[];
  readonly caughtUp: boolean;
}

const kafka = await sharedKafka();

function request(url: string, token: string, query: Record<string, string>, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, ...init.headers };
  return fetch(`${url}/api/v1/events/poll?${new URLSearchParams(query)}`, { ...init, headers });
}

async function poll(url: string, token: string, query: Record<string, string> = {}): Promise<Answer> {
  const response = await request(url, token, query);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("cache-control"), "no-store");
  return await response.json();
}

async function send(running: RunningGateway, token: string, ...numbers: number[]): Promise<void> {
  const body = numbers.map((data) => ({ event: "test.numbered-sent", scope: "user:alice", data }));
  const response = await running.publish(token, body);
  assert.equal(response.status, 201, await response.text());
}

const numbersOf = ({ events }: Answer) => events.map(({ data }) => data.data);

Deno.test("GET poll: a first poll gives the cursor of now, the next waits for what comes and answers with it", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const first = await poll(running.url, token);
  assert.deepEqual([first.events, first.gaps, first.caughtUp], [[], [], true]);
  const waiting = poll(running.url, token, { cursor: first.cursor });
  await send(running, token, 1);
  const answer = await waiting;
  assert.deepEqual([numbersOf(answer), answer.caughtUp], [[1], true]);
  const again = await poll(running.url, token, { cursor: answer.cursor, wait: "0" });
  assert.deepEqual([again.events, again.cursor], [[], answer.cursor]);
});

Deno.test("GET poll: streams and polls take turns on one cursor, and nothing is lost or repeated", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  let { cursor } = await poll(running.url, token);
  const seen: unknown[] = [];
  for (let round = 0; round < 6; round++) {
    await send(running, token, round * 10, round * 10 + 1, round * 10 + 2);
    if (round % 2 === 0) {
      const answer = await poll(running.url, token, { cursor, limit: "2" });
      assert.equal(answer.caughtUp, round === 0 ? false : answer.events.length < 2);
      seen.push(...numbersOf(answer));
      cursor = answer.cursor;
    } else {
      await using stream = await running.stream(token, "", { "last-event-id": cursor });
      await stream.next();
      const events = await stream.until(({ event }) => event === "stream.caught-up");
      seen.push(...events.slice(0, -1).map(({ data }) => JSON.parse(data).data));
      cursor = events.at(-1)?.id ?? "";
    }
  }
  const expected = Array.from({ length: 6 }, (_, round) => [round * 10, round * 10 + 1, round * 10 + 2]).flat();
  assert.deepEqual(seen, expected);
});

Deno.test("GET poll: only what the token grants, and only the scopes and events asked for", async () => {
  await using running = await RunningGateway.start();
  const alice = await running.tokenFor("alice", ["novel:7"]);
  const { cursor } = await poll(running.url, alice);
  const published = await running.publish(alice, [
    { event: "test.numbered-sent", scope: "user:bob", data: 1 },
    { event: "test.numbered-sent", scope: "novel:7", data: 2 },
    { event: "other.numbered-sent", scope: "novel:7", data: 3 },
    { event: "test.numbered-sent", scope: "user:alice", data: 4 },
    { event: "test.numbered-sent", scope: "novel:7", audience: ["user:bob"], data: 5 },
  ]);
  await published.body?.cancel();
  assert.deepEqual(numbersOf(await poll(running.url, alice, { cursor, scope: "novel:7", event: "test.*" })), [2]);
  const refused = await request(running.url, alice, { scope: "user:bob" });
  assert.deepEqual([refused.status, (await refused.json()).code], [403, "scope-not-granted"]);
});

Deno.test("GET poll: a wait that ends brings a cursor that events for others have moved", async () => {
  await using running = await RunningGateway.start();
  const alice = await running.tokenFor("alice");
  const { cursor } = await poll(running.url, alice);
  const waiting = poll(running.url, alice, { cursor, wait: "1" });
  const published = await running.publish(alice, { event: "test.numbered-sent", scope: "user:bob", data: 1 });
  await published.body?.cancel();
  const answer = await waiting;
  assert.deepEqual([answer.events, answer.gaps, answer.caughtUp], [[], [], true]);
  assert.notEqual(answer.cursor, cursor);
});

Deno.test("GET poll: a cursor of another incarnation of the log is a gap in the answer, told once", async () => {
  let cursor = "";
  {
    await using running = await RunningGateway.start();
    cursor = (await poll(running.url, await running.tokenFor("alice"))).cursor;
  }
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const answer = await poll(running.url, token, { cursor });
  assert.deepEqual(answer.gaps.map(({ reason, eventsBefore }) => [reason, eventsBefore]), [["epoch", 0]]);
  assert.deepEqual((await poll(running.url, token, { cursor: answer.cursor, wait: "0" })).gaps, []);
});

Deno.test("GET poll: waits count against the caps and are refused with a real 429; a client that goes frees its place", async () => {
  await using running = await RunningGateway.start({ streams: { maxPerPrincipal: 1 } });
  const token = await running.tokenFor("alice");
  const { cursor } = await poll(running.url, token);
  const abort = new AbortController();
  const waiting = await request(running.url, token, { cursor }, { signal: abort.signal });
  const refused = await request(running.url, token, { cursor });
  assert.deepEqual([refused.status, refused.headers.get("x-tidegate-refused")], [429, "connection-limit"]);
  assert.ok(Number(refused.headers.get("retry-after")) >= 5);
  assert.equal((await refused.json()).code, "too-many-requests");
  abort.abort();
  await assert.rejects(waiting.text());
  for (let attempt = 0;; attempt++) {
    const next = await request(running.url, token, { cursor, wait: "0" });
    await next.body?.cancel();
    if (next.status === 200) break;
    assert.ok(attempt < 50, "the place of the client that went is never free");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

Deno.test("GET poll: polls that come faster than streams.pollRate are refused with 429", async () => {
  await using running = await RunningGateway.start({ streams: { pollRate: { perSecond: 0.01, burst: 2 } } });
  const token = await running.tokenFor("alice");
  const statuses: number[] = [];
  for (let count = 0; count < 3; count++) {
    const response = await request(running.url, token, {});
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assert.deepEqual(statuses, [200, 200, 429]);
});

Deno.test("GET poll: a drain ends a wait with its cursor, and refuses the next poll with 503", async () => {
  const running = await RunningGateway.start({ drain: { window: "2s" } });
  const token = await running.tokenFor("alice");
  const first = await poll(running.url, token);
  // The listener stays until the last of them is gone, each at a random moment.
  const others = await Promise.all([1, 2, 3].map(() => running.stream(token)));
  const waiting = await request(running.url, token, { cursor: first.cursor });
  const drained = running.gateway.drain();
  const refused = await request(running.url, token, { cursor: first.cursor });
  assert.deepEqual([refused.status, (await refused.json()).code], [503, "unavailable"]);
  assert.deepEqual(await waiting.json(), { cursor: first.cursor, events: [], gaps: [], caughtUp: true });
  await drained;
  for (const other of others) await other[Symbol.asyncDispose]();
});

Deno.test("GET poll: the wait ends with the token, and the next poll is a 401", async () => {
  await using running = await RunningGateway.start();
  const { cursor } = await poll(running.url, await running.tokenFor("alice"));
  const token = await running.tokenFor("alice", [], 2_000);
  const answer = await poll(running.url, token, { cursor });
  assert.deepEqual([answer.cursor, answer.events], [cursor, []]);
  const refused = await request(running.url, token, { cursor });
  assert.deepEqual([refused.status, (await refused.json()).code], [401, "token-expired"]);
});

for (
  const [name, query, accept, status, code] of [
    ["wait of 31 s", { wait: "31" }, "*/*", 400, "invalid-request"],
    ["wait below 0", { wait: "-1" }, "*/*", 400, "invalid-request"],
    ["wait that is no number", { wait: "1e1" }, "*/*", 400, "invalid-request"],
    ["limit of 0", { limit: "0" }, "*/*", 400, "invalid-request"],
    ["limit of 1,001", { limit: "1001" }, "*/*", 400, "invalid-request"],
    ["Accept of a stream alone", {}, "text/event-stream", 406, "not-acceptable"],
    ["scope that is none", { scope: "hello" }, "application/json", 400, "invalid-scope"],
  ] as const
) {
  Deno.test(`GET poll: ${name} is ${status} ${code}`, async () => {
    await using running = await RunningGateway.start();
    const response = await request(running.url, await running.tokenFor("alice"), query, { headers: { accept } });
    assert.deepEqual([response.status, (await response.json()).code], [status, code]);
  });
}

Deno.test("GET poll: pages of a configured origin may read it, HEAD answers without waiting, POST is 405", async () => {
  await using running = await RunningGateway.start({ server: { corsOrigins: ["https://app.example.com"] } });
  const token = await running.tokenFor("alice");
  const origin = { headers: { origin: "https://app.example.com" } };
  const response = await request(running.url, token, {}, origin);
  await response.body?.cancel();
  assert.equal(response.headers.get("access-control-allow-origin"), "https://app.example.com");
  const head = await request(running.url, token, {}, { method: "HEAD" });
  assert.equal(head.status, 200);
  const post = await request(running.url, token, {}, { method: "POST" });
  await post.body?.cancel();
  assert.equal(post.status, 405);
});

Deno.test("GET poll from Kafka: all partitions, in pages, from the journal and from the topic itself", async () => {
  await using topic = await TestTopic.create(kafka.brokers, 3);
  const rule = { name: "n", source: "tasks", event: "test.numbered-sent", scope: "user:alice", fields: { n: "n" } };
  const settings = {
    sources: { tasks: { kafka: { brokers: [...topic.brokers], topic: topic.name } } },
    mappings: { rules: [rule] },
  };
  for (const maxEvents of [1_000, 1]) {
    await using running = await RunningGateway.start({ ...settings, journal: { maxEvents } });
    const token = await running.tokenFor("alice");
    let { cursor } = await poll(running.url, token);
    const sent = Array.from({ length: 60 }, (_, n) => n);
    for (let partition = 0; partition < 3; partition++) {
      const mine = sent.filter((n) => n % 3 === partition);
      await topic.produce(partition, mine.map((n) => ({ value: JSON.stringify({ n }) })));
    }
    const seen: number[] = [];
    while (seen.length < 60) {
      const answer = await poll(running.url, token, { cursor, limit: "7" });
      assert.deepEqual(answer.gaps, []);
      assert.ok(answer.events.length <= 7);
      for (const { data } of answer.events) {
        const { n } = data.data as { n: number }; // as the rule maps it
        seen.push(n);
      }
      cursor = answer.cursor;
    }
    assert.deepEqual(seen.toSorted((one, other) => one - other), sent, "nothing lost, nothing twice");
  }
});

Deno.test("GET poll behind an nginx that buffers: a stream is held back until it ends, a poll's answer is not", async () => {
  await using running = await RunningGateway.start();
  await using nginx = await startNginx({
    // What a careless proxy does: it buffers, whatever the gateway asks for.
    server: `location / {
      proxy_pass ${running.url};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering on;
      proxy_ignore_headers X-Accel-Buffering;
      proxy_buffers 8 64k;
      proxy_buffer_size 64k;
      gzip on; gzip_types application/json text/event-stream; gzip_min_length 0; gzip_proxied any;
    }`,
  });
  const token = await running.tokenFor("alice");
  let { cursor } = await poll(nginx.url, token);
  // Its token ends the stream, and with it the proxy lets go of what it has gathered.
  const shortLived = await running.tokenFor("alice", [], 3_000);
  let streamed = "";
  const streaming = fetch(`${nginx.url}/api/v1/events/stream`, {
    headers: { authorization: `Bearer ${shortLived}`, "last-event-id": cursor },
  }).then(async (response) => {
    for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      streamed += text;
    }
  });
  for (const number of [1, 2, 3]) {
    const waiting = poll(nginx.url, token, { cursor });
    await send(running, token, number);
    const answer = await waiting;
    assert.deepEqual(numbersOf(answer), [number]);
    cursor = answer.cursor;
  }
  assert.equal(streamed, "", "the proxy holds nothing back: the test proves nothing");
  await streaming;
  assert.match(streamed, /event: stream\.opened[^]*"data":1[^]*"data":3[^]*event: stream\.closing/);
});
