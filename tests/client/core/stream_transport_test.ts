import assert from "node:assert/strict";
import { SSEClient, streamTransport, TransportError, type TransportRequest } from "../../../src/client/core/mod.ts";
import { FakeTransport } from "./fake_transport.ts";

const PROBLEM = { "content-type": "application/problem+json" };
const PAGE = { "content-type": "text/html" };

/** What a stream ends with whose request is answered so. */
async function failureOf(answer: Response, more: Partial<TransportRequest> = {}): Promise<unknown> {
  const request = { url: "http://gateway", scopes: [], events: [], fetch: () => Promise.resolve(answer), ...more };
  try {
    for await (const _ of streamTransport().connect(request, new AbortController().signal)) assert.fail("a message");
    return undefined;
  } catch (error) {
    return error;
  }
}

Deno.test("streamTransport: a refusal is final where the gateway says it, a 401 and a 204 whoever says it", async () => {
  const finals = async (headers: Record<string, string>) => {
    const statuses = [];
    for (const status of [200, 204, 400, 401, 403, 404, 405, 406, 408, 413, 415, 429, 502, 503]) {
      const error = await failureOf(new Response(status === 204 ? null : "why", { status, headers }));
      assert.ok(error instanceof TransportError && error.status === status);
      if (error.isFinal) statuses.push(status);
    }
    return statuses;
  };
  assert.deepEqual(await finals(PROBLEM), [204, 400, 401, 403, 404, 405, 406, 413, 415]);
  assert.deepEqual(await finals(PAGE), [204, 401]);
  assert.deepEqual(await finals({}), [204, 401]);
});

Deno.test("streamTransport: a refusal has what the gateway said, and when to come back", async () => {
  const error = await failureOf(new Response("full", { status: 503, headers: { ...PROBLEM, "retry-after": "7" } }));
  assert.ok(error instanceof TransportError);
  assert.deepEqual([error.message, error.retryAfterMs], ["Cannot get events: 503 full", 7_000]);
});

Deno.test("streamTransport: asks with the fetch and the credentials of the request", async () => {
  const asked: (RequestCredentials | undefined)[] = [];
  const ask: typeof fetch = (_, init) => {
    asked.push(init?.credentials);
    return Promise.reject(new Error("no network"));
  };
  await failureOf(new Response(), { fetch: ask });
  await failureOf(new Response(), { fetch: ask, credentials: "omit" });
  assert.deepEqual(asked, ["include", "omit"]);
});

Deno.test("SSEClient tries again after a proxy's own 404, and closes at the gateway's", async () => {
  using transport = new FakeTransport();
  const answers = [
    new Response("<h1>default backend</h1>", { status: 404, headers: PAGE }),
    new Response("{}", { status: 404, headers: PROBLEM }),
  ];
  const client = new SSEClient({
    url: "http://gateway",
    storage: "memory",
    // What every sample passes.
    transport: streamTransport(),
    fetch: () => Promise.resolve(answers.shift() ?? assert.fail("a request after the last answer")),
  });
  client.open();
  await transport.pass();
  assert.deepEqual([client.getSnapshot().status, answers.length], ["reconnecting", 1]);
  await transport.pass(60_000);
  assert.deepEqual([client.getSnapshot().closeReason, answers.length], ["refused", 0]);
});
