import assert from "node:assert/strict";
import {
  SSEClient,
  type SSEClientOptions,
  SSEUnauthorizedError,
  type TokenRequest,
  type Transport,
  TransportError,
} from "../../../src/client/core/mod.ts";
import { FakeTransport } from "./fake_transport.ts";

type Events = { "task.progress-updated": { n: number } };

/** A client over a transport that the test plays, and all that it told. */
function clientOf(transport: FakeTransport, options: SSEClientOptions<Events> = {}) {
  const client = new SSEClient<Events>({ url: "http://gateway", storage: "memory", transport, ...options });
  const told: string[] = [];
  client.onAny(({ name, id }) => told.push(`${name} ${id}`));
  client.onGap(({ reason, source }) => told.push(`gap ${reason} ${source}`));
  client.onReset(() => told.push("reset"));
  client.onError(({ message }) => told.push(`error ${message}`));
  return { client, told };
}

Deno.test("SSEClient resumes behind the last id, through streams that die early and events without one", async () => {
  using transport = new FakeTransport();
  const { client, told } = clientOf(transport);
  client.open();
  await transport.pass();
  transport.last.opened({}, "s:0:1~a");
  transport.last.event("s:0:2~b");
  transport.last.push({ event: "stream.source-changed", data: "{}" });
  transport.last.push({ id: "~c" });
  transport.last.push("end");
  await transport.pass();
  for (let death = 0; death < 3; death++) {
    await transport.pass(20_000);
    assert.equal(transport.last.request.lastEventId, "~c");
    transport.last.push(new Error("gone"));
    await transport.pass();
  }
  await transport.pass(20_000);
  transport.last.opened();
  transport.last.event("s:0:2~d");
  transport.last.event("s:0:3~e");
  transport.last.push({ id: "" });
  await transport.pass();
  assert.deepEqual(told.filter((line) => !line.startsWith("error")), [
    "task.progress-updated s:0:2~b",
    "task.progress-updated s:0:3~e",
  ]);
  assert.equal(transport.connections.length, 5);
  client.close();
  client.open();
  await transport.pass();
  assert.equal(transport.last.request.lastEventId, "s:0:3~e");
  client.close();
});

Deno.test("SSEClient backs off between 0.5 and 20 s by itself, and exactly as long as the gateway says", async () => {
  using transport = new FakeTransport();
  const { client } = clientOf(transport);
  client.open();
  for (let attempt = 1; attempt <= 12; attempt++) {
    await transport.pass();
    transport.last.push(new Error("no network"));
    await transport.pass();
    const { nextRetryAtMs = 0, status } = client.getSnapshot();
    const pauseMs = nextRetryAtMs - Date.now();
    assert.equal(status, "reconnecting");
    assert.ok(pauseMs >= 500 && pauseMs <= Math.min(20_000, 500 * 2 ** attempt), `attempt ${attempt}: ${pauseMs}`);
    await transport.pass(pauseMs + 1);
  }
  transport.last.push({ event: "stream.closing", data: '{"reason":"draining","retryAfterMs":43210}', retryMs: 7 });
  transport.last.push("end");
  await transport.pass();
  assert.equal((client.getSnapshot().nextRetryAtMs ?? 0) - Date.now(), 43_210);
  await transport.pass(43_210);
  transport.last.push(new TransportError(503, "", 9_000));
  await transport.pass();
  assert.equal((client.getSnapshot().nextRetryAtMs ?? 0) - Date.now(), 9_000);
  client.close();
  assert.equal(transport.clock.countTimers(), 0, "whoever closes waits for nothing");
});

Deno.test("SSEClient leaves a connection that is silent for longer than its heartbeat allows", async () => {
  using transport = new FakeTransport();
  const { client } = clientOf(transport);
  client.open();
  await transport.pass();
  transport.last.opened({ heartbeatMs: 10_000 });
  for (let beat = 0; beat < 5; beat++) {
    await transport.pass(10_000);
    transport.last.push({});
  }
  assert.equal(transport.connections.length, 1);
  await transport.pass(14_000);
  assert.equal(transport.last.isAborted, false);
  await transport.pass(4_000);
  assert.equal(transport.connections.length, 2);
  client.close();
});

Deno.test("SSEClient asks for a token before each attempt, once more after a 401, and gives up behind it", async () => {
  using transport = new FakeTransport();
  const asked: TokenRequest[] = [];
  const { client } = clientOf(transport, {
    getToken: (request) => (asked.push(request), Promise.resolve(`t${asked.length}`)),
  });
  client.open();
  await transport.pass();
  assert.equal(transport.last.request.headers?.["authorization"], "Bearer t1");
  transport.last.push(new TransportError(401, "expired"));
  await transport.pass();
  assert.equal(transport.last.request.headers?.["authorization"], "Bearer t2");
  transport.last.opened();
  transport.last.push("end");
  await transport.pass();
  await transport.pass(20_000);
  transport.last.push(new TransportError(401, "expired"));
  await transport.pass();
  transport.last.push(new TransportError(401, "expired"));
  await transport.pass();
  assert.deepEqual(asked.map(({ reason }) => reason), ["connect", "unauthorized", "reconnect", "unauthorized"]);
  assert.equal(client.getSnapshot().closeReason, "unauthorized");
});

Deno.test("SSEClient backs off when getToken fails, and closes when it says that there is no session", async () => {
  using transport = new FakeTransport();
  const answers = [new Error("offline"), new SSEUnauthorizedError("signed out")];
  const { client, told } = clientOf(transport, { getToken: () => Promise.reject(answers.shift()) });
  client.open();
  await transport.pass();
  assert.equal(client.getSnapshot().status, "reconnecting");
  await transport.pass(20_000);
  assert.equal(client.getSnapshot().closeReason, "unauthorized");
  assert.deepEqual(told, ["error offline", "error signed out"]);
  assert.equal(transport.connections.length, 0);
});

Deno.test("SSEClient renews the token of an open stream in place", async () => {
  using transport = new FakeTransport();
  const requests: string[] = [];
  const { client } = clientOf(transport, {
    getToken: ({ reason }) => reason,
    fetch: (input, init) => {
      requests.push(`${init?.method} ${input} ${new Headers(init?.headers).get("authorization")}`);
      return Promise.resolve(new Response(null, { status: 204 }));
    },
  });
  client.open();
  await transport.pass();
  transport.last.opened();
  transport.last.push({ event: "stream.token-expiring", data: "{}" });
  await transport.pass();
  assert.deepEqual(requests, ["POST http://gateway/api/v1/events/connections/c1/token Bearer expiring"]);
  client.close();
});

Deno.test("SSEClient: a renewal that hangs ends with its stream, is told, and is in no other stream's way", async () => {
  using transport = new FakeTransport();
  const asked: string[] = [];
  const renewals: AbortSignal[] = [];
  const { client, told } = clientOf(transport, {
    credentials: "omit",
    getToken: ({ reason }) => (asked.push(reason), `t${asked.length}`),
    fetch: (_, { signal, credentials } = {}) => {
      assert.ok(signal);
      assert.equal(credentials, "omit", "as the stream was asked for");
      renewals.push(signal);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  client.open();
  await transport.pass();
  transport.last.opened();
  transport.last.push({ event: "stream.token-expiring", data: "{}" });
  await transport.pass(20_000);
  assert.deepEqual(renewals.map(({ aborted }) => aborted), [false]);
  transport.last.push({ event: "stream.closing", data: '{"reason":"token-expired","retryAfterMs":3000}' });
  transport.last.push("end");
  await transport.pass();
  assert.deepEqual(renewals.map(({ aborted }) => aborted), [true]);
  assert.deepEqual(told, ["error Cannot go on: the stream is over"]);
  await transport.pass(3_000);
  assert.equal(transport.last.request.headers?.["authorization"], "Bearer t3");
  transport.last.opened();
  await transport.pass();
  assert.deepEqual([asked, client.getSnapshot().status], [["connect", "expiring", "reconnect"], "open"]);

  transport.last.push({ event: "stream.token-expiring", data: "{}" });
  await transport.pass();
  client.close();
  await transport.pass();
  assert.deepEqual(renewals.map(({ aborted }) => aborted), [true, true]);
  assert.equal(told.length, 1, "whoever closes wants to hear nothing more");
});

Deno.test("SSEClient: a fresh token that comes when its stream has ended is offered for no other one", async () => {
  using transport = new FakeTransport();
  const late = Promise.withResolvers<string>();
  const { client, told } = clientOf(transport, {
    getToken: ({ reason }) => reason === "expiring" ? late.promise : reason,
    fetch: () => Promise.reject(new Error("a renewal")),
  });
  client.open();
  await transport.pass();
  transport.last.opened();
  transport.last.push({ event: "stream.token-expiring", data: "{}" });
  transport.last.push("end");
  await transport.pass(20_000);
  transport.last.opened({ connectionId: "c2" });
  late.resolve("late");
  await transport.pass();
  assert.deepEqual([told, client.getSnapshot().status], [[], "open"]);
  client.close();
});

Deno.test("SSEClient closes for good at 204 and at a refusal that waiting does not cure", async () => {
  for (const [status, reason] of [[204, "ended"], [403, "refused"], [401, "unauthorized"]] as const) {
    using transport = new FakeTransport();
    const { client } = clientOf(transport);
    client.open();
    await transport.pass();
    transport.last.push(new TransportError(status, ""));
    await transport.pass(60_000);
    assert.equal(client.getSnapshot().closeReason, reason);
    assert.equal(transport.connections.length, 1);
  }
});

Deno.test("SSEClient tries again after what is no refusal of the gateway for good, such as a proxy's 408", async () => {
  for (const status of [408, 421, 423, 425, 429, 500, 502, 503, 504]) {
    using transport = new FakeTransport();
    const { client } = clientOf(transport);
    client.open();
    await transport.pass();
    transport.last.push(new TransportError(status, ""));
    await transport.pass(60_000);
    assert.equal(transport.connections.length, 2, `${status}`);
    client.close();
  }
  const final = Array.from({ length: 400 }, (_, index) => index + 200)
    .filter((status) => new TransportError(status, "").isFinal);
  assert.deepEqual(final, [204, 400, 401, 403, 404, 405, 406, 413, 415]);
});

Deno.test("SSEClient tells gaps, resets, what was shed, and what cannot be read", async () => {
  using transport = new FakeTransport();
  const { client, told } = clientOf(transport);
  client.open();
  await transport.pass();
  transport.last.push({
    event: "stream.gap-detected",
    data: '{"source":"s","reason":"trimmed","lost":3,"resync":true}',
  });
  transport.last.push({
    event: "stream.events-dropped",
    data: '{"priority":"low","count":3,"from":"t:0:1","to":"t:0:4"}',
  });
  transport.last.push({ event: "task.done", data: "{", id: "s:0:9" });
  await transport.pass();
  assert.deepEqual(told, ["gap trimmed s", "reset", "gap dropped t", "error Cannot read the data of task.done"]);
  assert.equal(client.getSnapshot().lastEventId, undefined);
  client.close();
  assert.equal(client.getSnapshot().lastEventId, "s:0:9");
});

Deno.test("SSEClient gives listeners only what their schema lets through", async () => {
  using transport = new FakeTransport();
  const validate = (value: unknown) => {
    const { n } = value as { n: unknown };
    return typeof n === "number" ? { value: { n: n + 1 } } : { issues: [{ message: "n is no number" }] };
  };
  const { client, told } = clientOf(transport, { parse: { "task.progress-updated": { "~standard": { validate } } } });
  const numbers: number[] = [];
  client.on("task.progress-updated", ({ data }) => numbers.push(data.n));
  client.open();
  await transport.pass();
  transport.last.event("s:0:1", { n: 1 });
  transport.last.event("s:0:2", { n: "x" });
  await transport.pass();
  assert.deepEqual(numbers, [2]);
  assert.equal(told.at(-1), "error Cannot read the data of task.progress-updated");
  client.close();
});

Deno.test("SSEClient keeps one snapshot until something changes, and is lost after 5 s without a stream", async () => {
  using transport = new FakeTransport();
  const { client } = clientOf(transport, { retry: { minMs: 9_000, maxMs: 9_000 } });
  let changes = 0;
  client.subscribe(() => changes++);
  client.open();
  await transport.pass();
  transport.last.opened();
  await transport.pass();
  const open = client.getSnapshot();
  const before = changes;
  transport.last.event("s:0:1");
  await transport.pass();
  assert.equal(client.getSnapshot(), open);
  assert.equal(changes, before);
  transport.last.push("end");
  await transport.pass(4_999);
  assert.equal(client.getSnapshot().isLost, false);
  await transport.pass(1);
  assert.equal(client.getSnapshot().isLost, true);
  await transport.pass(5_000);
  transport.last.opened();
  await transport.pass();
  assert.deepEqual([client.getSnapshot().status, client.getSnapshot().isLost], ["open", false]);
  client.close();
});

Deno.test("SSEClient is lost when its first attempt hangs or fails for 5 s, and no more once it is closed or open", async () => {
  for (const hasFailed of [false, true]) {
    using transport = new FakeTransport();
    const { client } = clientOf(transport, { retry: { minMs: 9_000, maxMs: 9_000 } });
    const isLost = () => client.getSnapshot().isLost;
    client.open();
    await transport.pass(3_000);
    if (hasFailed) transport.last.push(new Error("no network"));
    await transport.pass(1_999);
    assert.equal(isLost(), false);
    await transport.pass(1);
    assert.deepEqual([client.getSnapshot().status, isLost()], [hasFailed ? "reconnecting" : "connecting", true]);
    client.close();
    assert.equal(isLost(), false);
    client.open();
    await transport.pass(4_999);
    transport.last.opened();
    await transport.pass(10_000);
    assert.equal(isLost(), false);
    client.close();
  }
});

Deno.test("SSEClient opens for its first holder and closes one macrotask after its last", async () => {
  using transport = new FakeTransport();
  const { client } = clientOf(transport);
  const release = client.acquire();
  await transport.pass();
  release();
  const again = client.acquire();
  await transport.pass(10);
  assert.equal(transport.connections.length, 1);
  release();
  await transport.pass(10);
  assert.equal(transport.last.isAborted, false);
  again();
  assert.equal(transport.last.isAborted, false);
  await transport.pass(1);
  assert.equal(transport.last.isAborted, true);
  assert.equal(client.getSnapshot().closeReason, "client");
});

Deno.test("SSEClient: a connection that ends slowly takes no watchdog from the one that was opened meanwhile", async () => {
  using transport = new FakeTransport();
  const slow: Transport = {
    async *connect(request, signal) {
      try {
        yield* transport.connect(request, signal);
      } finally {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  };
  const { client } = clientOf(transport, { transport: slow });
  client.open();
  await transport.pass();
  transport.last.opened();
  await transport.pass();
  client.close();
  client.open();
  await transport.pass();
  transport.last.opened();
  await transport.pass(22_000);
  assert.equal(transport.connections.length, 2);
  await transport.pass(4_000);
  assert.equal(transport.connections.length, 3, "the second was silent for longer than it announced");
  client.close();
  await transport.pass(50);
});

Deno.test("SSEClient: a listener may close and open it while it is told of an error, or of a change", async () => {
  for (const kind of ["error", "connecting", "reconnecting"]) {
    using transport = new FakeTransport();
    const { client } = clientOf(transport, { getToken: () => "t" });
    let isFirst = true;
    const again = () => {
      if (!isFirst) return;
      isFirst = false;
      client.close();
      client.open();
    };
    client.onError(() => kind === "error" && again());
    client.subscribe(() => {
      const { status, attempt } = client.getSnapshot();
      if (status === kind && attempt === 1) again();
    });
    client.open();
    await transport.pass();
    if (kind !== "connecting") transport.last.push(kind === "error" ? new TransportError(403, "") : new Error("gone"));
    await transport.pass();
    const before = transport.connections.length;
    assert.equal(before, kind === "connecting" ? 1 : 2, kind);
    transport.last.opened();
    await transport.pass(22_000);
    assert.equal(client.getSnapshot().status, "open", kind);
    await transport.pass(4_000);
    assert.equal(transport.connections.length, before + 1, `${kind}: it has its watchdog`);
    client.close();
  }
});

Deno.test("SSEClient: a getToken that gives nothing in 20 s is a failed attempt, told, and followed by another", async () => {
  using transport = new FakeTransport();
  const asked: number[] = [];
  const { client, told } = clientOf(transport, {
    getToken: ({ attempt }) => asked.push(attempt) < 3 ? new Promise(() => {}) : "t",
  });
  client.open();
  await transport.pass(19_900);
  assert.deepEqual([asked, told, client.getSnapshot().status], [[1], [], "connecting"]);
  await transport.pass(2_600);
  assert.deepEqual(told, ["error Cannot get a token: nothing came in 20000 ms"]);
  const { status, error, nextRetryAtMs = 0 } = client.getSnapshot();
  assert.deepEqual([status, `error ${error?.message}`], ["reconnecting", told[0]]);
  assert.ok(nextRetryAtMs >= Date.now() + 500, "it backs off");
  await transport.pass(1_000);
  assert.deepEqual(asked, [1, 2]);
  await transport.pass(25_000);
  assert.deepEqual([asked, told.length, transport.connections.length], [[1, 2, 3], 2, 1]);
  assert.equal(transport.last.request.headers?.["authorization"], "Bearer t");
  client.close();
});

Deno.test("SSEClient: a wake ends the wait for a token that was asked for more than 20 s ago, and no younger one", async () => {
  using transport = new FakeTransport();
  const { client, told } = clientOf(transport, { getToken: () => new Promise(() => {}) });
  client.open();
  await transport.pass();
  globalThis.dispatchEvent(new Event("online"));
  await transport.pass();
  assert.deepEqual(told, []);
  // The page sleeps: its timers stand still, and the time does not.
  transport.clock.setSystemTime(Date.now() + 60_000);
  globalThis.dispatchEvent(new Event("online"));
  await transport.pass();
  assert.deepEqual([told.length, client.getSnapshot().status], [1, "reconnecting"]);
  client.close();
});

Deno.test("SSEClient: a fresh token for an open stream that does not come ends with the stream", async () => {
  using transport = new FakeTransport();
  let asked = 0;
  const { client } = clientOf(transport, { getToken: () => ++asked === 1 ? "t" : new Promise(() => {}) });
  client.open();
  await transport.pass();
  const fresh = transport.last.request.freshHeaders?.();
  assert.ok(fresh);
  const refused = assert.rejects(fresh, /silent|hear the gateway/);
  transport.last.opened();
  await transport.pass(26_000);
  await refused;
  await assert.rejects(async () => await transport.connections[0]?.request.freshHeaders?.());
  client.close();
});

Deno.test("SSEClient: its transport is asked with the client's own fetch and credentials", async () => {
  using transport = new FakeTransport();
  const own: typeof fetch = () => Promise.reject(new Error("asked"));
  const { client } = clientOf(transport, { fetch: own, credentials: "omit" });
  client.open();
  await transport.pass();
  const { fetch: asked, credentials } = transport.last.request;
  assert.deepEqual([asked, credentials], [own, "omit"]);
  client.close();
});

Deno.test("SSEClient: a token that comes after close() opens nothing", async () => {
  using transport = new FakeTransport();
  const token = Promise.withResolvers<string>();
  const { client } = clientOf(transport, { getToken: () => token.promise });
  client.open();
  client.close();
  token.resolve("late");
  await transport.pass(60_000);
  assert.equal(transport.connections.length, 0);
});

Deno.test("SSEClient works with storage that throws, and resumes from storage that does not", async () => {
  using transport = new FakeTransport();
  const broken = {
    getItem: () => {
      throw new Error("no");
    },
    setItem: () => {
      throw new Error("full");
    },
  };
  const kept = new Map<string, string>();
  const good = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  for (const storage of [broken, good, good]) {
    const { client, told } = clientOf(transport, { storage });
    client.open();
    await transport.pass();
    transport.last.event("s:0:1~z");
    await transport.pass();
    client.close();
    assert.deepEqual(told, ["task.progress-updated s:0:1~z"]);
  }
  assert.deepEqual(transport.connections.map(({ request }) => request.lastEventId), [undefined, undefined, "s:0:1~z"]);
});

Deno.test("SSEClient's iterator gives events until the client closes, and says so when its reader is too slow", async () => {
  using transport = new FakeTransport();
  const { client } = clientOf(transport);
  client.open();
  await transport.pass();
  const iterator = client.events("task.progress-updated");
  const slow = client.events();
  for (let offset = 0; offset < 3; offset++) transport.last.event(`s:0:${offset}`);
  await transport.pass();
  for (let offset = 0; offset < 3; offset++) assert.equal((await iterator.next()).value?.id, `s:0:${offset}`);
  const next = iterator.next();
  for (let offset = 3; offset < 1_001; offset++) transport.last.event(`s:0:${offset}`);
  await transport.pass();
  assert.equal((await next).value?.id, "s:0:3");
  await assert.rejects(async () => {
    for await (const _ of slow);
  }, RangeError);
  client.close();
  const rest = [];
  for await (const event of iterator) rest.push(event);
  assert.equal(rest.length, 997);
});
