/** The client's polls and its change between stream and polls, against a real gateway and a real proxy that buffers. */
import assert from "node:assert/strict";
import { pollTransport, withPolling } from "../../src/client/poll/mod.ts";
import {
  type ServerMessage,
  type Transport,
  TransportError,
  type TransportRequest,
} from "../../src/client/transport.ts";
import { fetchStream } from "../client/poll/fetch_stream.ts";
import { SeededRandom } from "../simulation/seeded_random.ts";
import { startNginx } from "../support/nginx_server.ts";
import { RunningGateway } from "./running_gateway.ts";

const SEED = Number(Deno.env.get("TIDEGATE_SEED") ?? 1);

async function send(running: RunningGateway, token: string, ...numbers: number[]): Promise<void> {
  const body = numbers.map((data) => ({ event: "test.numbered-sent", scope: "user:alice", data }));
  const response = await running.publish(token, body);
  assert.equal(response.status, 201, await response.text());
}

function requestTo(url: string, token: string): TransportRequest {
  return { url, scopes: [], events: [], headers: { authorization: `Bearer ${token}` } };
}

/** What one client has seen, over all its connections. */
class Seen {
  readonly numbers: number[] = [];
  lastEventId: string | undefined;
  transport: string | undefined;

  take({ id, event, data = "" }: ServerMessage): void {
    assert.notEqual(event, "stream.gap-detected", data);
    if (event === "stream.opened") this.transport = JSON.parse(data).transport ?? "stream";
    if (event === "test.numbered-sent") this.numbers.push(JSON.parse(data).data);
    this.lastEventId = id ?? this.lastEventId;
  }

  /** One connection, until it has seen so many in all, or has moved as far as the signal lets it. */
  async read(transport: Transport, request: TransportRequest, isEnough: () => boolean): Promise<void> {
    const abort = new AbortController();
    try {
      for await (
        const message of transport.connect({ ...request, lastEventId: this.lastEventId }, abort.signal)
      ) {
        this.take(message);
        if (isEnough()) break;
      }
    } finally {
      abort.abort();
    }
  }
}

Deno.test(`pollTransport and streams: random changes between them lose and repeat nothing (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED);
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const request = requestTo(running.url, token);
  const seen = new Seen();
  await seen.read(pollTransport, request, () => seen.lastEventId !== undefined);
  let sent = 0;
  for (let round = 0; round < 40; round++) {
    const numbers = Array.from({ length: random.between(1, 5) }, () => sent++);
    await send(running, token, ...numbers);
    // Sometimes it goes in the middle of what it gets.
    const upTo = random.between(seen.numbers.length + 1, sent);
    await seen.read(random.pick([pollTransport, fetchStream]), request, () => seen.numbers.length >= upTo);
  }
  if (seen.numbers.length < sent) await seen.read(pollTransport, request, () => seen.numbers.length >= sent);
  assert.deepEqual(seen.numbers, Array.from({ length: sent }, (_, number) => number));
});

Deno.test("pollTransport: a refusal for good and one that time cures are told apart", async () => {
  await using running = await RunningGateway.start({ streams: { pollRate: { perSecond: 0.01, burst: 1 } } });
  const token = await running.tokenFor("alice");
  const seen = new Seen();
  await assert.rejects(
    seen.read(pollTransport, { ...requestTo(running.url, token), scopes: ["user:bob"] }, () => false),
    (error) => error instanceof TransportError && error.status === 403 && error.isFinal,
  );
  await assert.rejects(
    seen.read(pollTransport, requestTo(running.url, token), () => false),
    (error) =>
      error instanceof TransportError && error.status === 429 && !error.isFinal && (error.retryAfterMs ?? 0) >= 5_000,
  );
});

Deno.test("withPolling behind an nginx that buffers: polls after 10 s, and nothing is lost or repeated", async () => {
  await using running = await RunningGateway.start();
  await using nginx = await startNginx({
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
  const request = requestTo(nginx.url, token);
  const seen = new Seen();
  await seen.read(pollTransport, request, () => seen.lastEventId !== undefined);
  seen.transport = undefined;
  await send(running, token, 0, 1, 2);
  const startedAtMs = performance.now();
  await seen.read(withPolling(fetchStream), request, () => seen.numbers.length >= 3);
  assert.ok(performance.now() - startedAtMs >= 9_900, "the stream had its 10 s");
  assert.deepEqual([seen.numbers, seen.transport], [[0, 1, 2], "poll"]);
});

Deno.test("withPolling where streams come through: it is the stream", async () => {
  await using running = await RunningGateway.start();
  const token = await running.tokenFor("alice");
  const seen = new Seen();
  await seen.read(withPolling(fetchStream), requestTo(running.url, token), () => seen.transport !== undefined);
  assert.equal(seen.transport, "stream");
});
