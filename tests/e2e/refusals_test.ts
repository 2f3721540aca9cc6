/** Every terminal refusal of the public routes: status, stable code, no internals. */
import assert from "node:assert/strict";
import { freePort } from "../support/free_port.ts";
import { RunningGateway } from "./running_gateway.ts";

interface Refusal {
  readonly name: string;
  readonly path: string;
  readonly init?: RequestInit;
  readonly status: number;
  readonly code: string;
  readonly headers?: Readonly<Record<string, RegExp>>;
  /** Default true. */
  readonly withToken?: boolean;
}

const JSON_TYPE = { "content-type": "application/json" };
const STREAM = "/api/v1/events/stream";
const EVENTS = "/api/v1/events";
const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = JSON_TYPE): RequestInit => ({
  method: "POST",
  body,
  headers,
});
const event = (changes: Record<string, unknown>) =>
  post(JSON.stringify({ event: "task.status-changed", scope: "user:alice", data: {}, ...changes }));

const REFUSALS: readonly Refusal[] = [
  {
    name: "no credential",
    path: STREAM,
    withToken: false,
    status: 401,
    code: "token-missing",
    headers: { "www-authenticate": /^Bearer/ },
  },
  { name: "JWT in the URL", path: `${STREAM}?access_token=a.b.c`, withToken: false, status: 401, code: "token-in-url" },
  { name: "unknown ticket", path: `${STREAM}?ticket=nope`, withToken: false, status: 401, code: "ticket-invalid" },
  { name: "scope not granted", path: `${STREAM}?scope=user:bob`, status: 403, code: "scope-not-granted" },
  {
    name: "one of several scopes not granted",
    path: `${STREAM}?scope=user:alice,user:bob`,
    status: 403,
    code: "scope-not-granted",
  },
  { name: "no scope at all", path: `${STREAM}?scope=hello`, status: 400, code: "invalid-scope" },
  { name: "wildcard scope", path: `${STREAM}?scope=novel:*`, status: 400, code: "invalid-scope" },
  { name: "scope with NUL", path: `${STREAM}?scope=user:a%00b`, status: 400, code: "invalid-scope" },
  {
    name: "scope with right-to-left override",
    path: `${STREAM}?scope=user:a%E2%80%AEb`,
    status: 400,
    code: "invalid-scope",
  },
  {
    name: "scope of 256 characters",
    path: `${STREAM}?scope=user:${"a".repeat(251)}`,
    status: 400,
    code: "invalid-scope",
  },
  { name: "reserved event", path: `${STREAM}?event=stream.opened`, status: 400, code: "invalid-event-name" },
  { name: "event named error", path: `${STREAM}?event=error`, status: 400, code: "invalid-event-name" },
  {
    name: "129 scopes",
    path: `${STREAM}?scope=${Array.from({ length: 129 }, (_, n) => `novel:${n}`)}`,
    status: 403,
    code: "scope-not-granted",
  },
  {
    name: "65 event patterns",
    path: `${STREAM}?event=${Array.from({ length: 65 }, (_, n) => `d${n}.*`)}`,
    status: 400,
    code: "invalid-request",
  },
  {
    name: "JSON asked of the stream",
    path: STREAM,
    init: { headers: { accept: "application/json" } },
    status: 406,
    code: "not-acceptable",
  },
  {
    name: "POST on the stream",
    path: STREAM,
    init: { method: "POST" },
    status: 405,
    code: "method-not-allowed",
    headers: { allow: /GET/ },
  },
  {
    name: "GET on the publish route",
    path: EVENTS,
    status: 405,
    code: "method-not-allowed",
    headers: { allow: /POST/ },
  },
  { name: "unknown path", path: "/nope", status: 404, code: "not-found" },
  {
    name: "form body",
    path: EVENTS,
    init: post("a=b", { "content-type": "text/plain" }),
    status: 415,
    code: "unsupported-media-type",
  },
  {
    name: "encoded body",
    path: EVENTS,
    init: post("{}", { ...JSON_TYPE, "content-encoding": "gzip" }),
    status: 415,
    code: "unsupported-media-type",
  },
  { name: "body that is no JSON", path: EVENTS, init: post("{"), status: 400, code: "invalid-json" },
  {
    name: "body that is no UTF-8",
    path: EVENTS,
    init: post(new Uint8Array([0x22, 0xff, 0x22])),
    status: 400,
    code: "invalid-json",
  },
  {
    name: "body over the limit",
    path: EVENTS,
    init: post(`"${"x".repeat(1024 * 1024)}"`),
    status: 413,
    code: "payload-too-large",
  },
  {
    name: "1,001 events",
    path: EVENTS,
    init: post(JSON.stringify(Array.from({ length: 1_001 }, () => ({})))),
    status: 413,
    code: "payload-too-large",
  },
  {
    name: "event that no frame can carry",
    path: EVENTS,
    init: event({ data: "x".repeat(1024 * 1024 - 100) }),
    status: 413,
    code: "payload-too-large",
  },
  ...[33, 100_000].map((depth) => ({
    name: `data nested ${depth} deep`,
    path: EVENTS,
    init: post(`{"event":"a.b","scope":"global","data":${"[".repeat(depth)}${"]".repeat(depth)}}`),
    status: 400,
    code: "invalid-event",
  })),
  {
    name: "body nested 100,000 deep",
    path: EVENTS,
    init: post("[".repeat(1e5) + "]".repeat(1e5)),
    status: 400,
    code: "invalid-event",
  },
  { name: "empty array", path: EVENTS, init: post("[]"), status: 400, code: "invalid-event" },
  { name: "event that is a number", path: EVENTS, init: post("1"), status: 400, code: "invalid-event" },
  { name: "unknown member", path: EVENTS, init: event({ retry: 0 }), status: 400, code: "invalid-event" },
  {
    name: "member __proto__",
    path: EVENTS,
    init: post('{"__proto__":{},"event":"a.b","scope":"global"}'),
    status: 400,
    code: "invalid-event",
  },
  ...[
    "error",
    "open",
    "message",
    "stream.gap-detected",
    "x\nevent: admin",
    "x\rdata: y",
    "a.b\u0000",
    "__proto__",
    "😀.x",
    "",
  ].map((name) => ({
    name: `event name ${JSON.stringify(name)}`,
    path: EVENTS,
    init: event({ event: name }),
    status: 400,
    code: "invalid-event-name",
  })),
  { name: "scope as a number", path: EVENTS, init: event({ scope: 42 }), status: 400, code: "invalid-scope" },
  { name: "audience of no scopes", path: EVENTS, init: event({ audience: ["x"] }), status: 400, code: "invalid-scope" },
  { name: "unknown priority", path: EVENTS, init: event({ priority: "urgent" }), status: 400, code: "invalid-event" },
  {
    name: "empty conflation key",
    path: EVENTS,
    init: event({ conflationKey: "" }),
    status: 400,
    code: "invalid-event",
  },
  {
    name: "bad Idempotency-Key",
    path: EVENTS,
    init: post("{}", { ...JSON_TYPE, "idempotency-key": "a b" }),
    status: 400,
    code: "invalid-idempotency-key",
  },
];

const running = await RunningGateway.start();
const token = await running.tokenFor("alice");

for (const { name, path, init = {}, status, code, headers = {}, withToken = true } of REFUSALS) {
  Deno.test(`refusal: ${name} is ${status} ${code}`, async () => {
    const withAuth = new Headers(init.headers);
    if (withToken) withAuth.set("authorization", `Bearer ${token}`);
    const response = await fetch(`${running.url}${path}`, { ...init, headers: withAuth });
    const text = await response.text();
    assert.equal(response.status, status, text);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    const body = JSON.parse(text);
    assert.deepEqual([body.code, body.status], [code, status]);
    for (const [header, pattern] of Object.entries(headers)) assert.match(response.headers.get(header) ?? "", pattern);
    assert.doesNotMatch(text, /\bat .*\.ts|Error:/, "no stack leaves");
  });
}

Deno.test("refusal: a bad item of a batch is named by its index, and nothing of the batch is published", async () => {
  await using stream = await running.stream(token);
  await stream.next();
  const good = { event: "test.numbered-sent", scope: "user:alice", data: 1 };
  const response = await running.publish(token, [good, good, { ...good, scope: "nobody" }]);
  assert.equal(response.status, 400);
  assert.match((await response.json()).detail, /^Event 2: /);
  await running.publish(token, { ...good, data: "after" }).then((answer) => answer.body?.cancel());
  assert.equal(JSON.parse((await stream.next()).data).data, "after");
});

Deno.test("refusal: a Host header that makes no URL is answered 400", async () => {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: running.gateway.port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"));
  const bytes = new Uint8Array(1_024);
  const length = await connection.read(bytes) ?? 0;
  assert.match(new TextDecoder().decode(bytes.subarray(0, length)), /^HTTP\/1\.1 400 /);
});

Deno.test("a node that warms up says so to streams and polls that it refuses softly", async () => {
  const redis = { url: `redis://127.0.0.1:${freePort()}`, stream: "nobody-answers" };
  await using warming = await RunningGateway.listening({ sources: { s: { redis } } });
  const alice = await warming.tokenFor("alice");
  const detail = "The node is warming up: it reads what its sources hold before it serves";
  await using stream = await warming.stream(alice);
  const closing = JSON.parse((await stream.next()).data);
  assert.deepEqual([closing.reason, closing.detail], ["overloaded", detail]);
  await using status = await warming.stream(alice, "", { prefer: "status" });
  assert.deepEqual([status.response.status, status.response.headers.get("x-tidegate-refused")], [503, "overloaded"]);
  assert(Number(status.response.headers.get("retry-after")) >= 5, "as long as the stream would have said");
  const headers = { authorization: `Bearer ${alice}` };
  const poll = await fetch(`${warming.url}/api/v1/events/poll`, { headers });
  assert.deepEqual([poll.status, (await poll.json()).detail], [503, `Refused: overloaded. ${detail}`]);
});
