/** The limits by address that docs/operations.md gives for nginx, in a real nginx before a real gateway. */
import assert from "node:assert/strict";
import { startNginx } from "../support/nginx_server.ts";
import { RunningGateway } from "./running_gateway.ts";

/** The document's own lines, so that it cannot promise what they do not do. */
async function documentedLimits(): Promise<{ readonly http: string; readonly server: string }> {
  const text = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  const [, http, server] = /```nginx fragment\n# in http \{ \}\n([^]*?)# in server \{ \}\n([^]*?)```/.exec(text) ?? [];
  assert(http !== undefined && server !== undefined, "docs/operations.md has the limits");
  return { http, server };
}

Deno.test("limits by address: nginx keeps a flood of requests, and too many streams, away from the gateway", async () => {
  await using running = await RunningGateway.start({ streams: { maxPerPrincipal: 1_000, openRate: { burst: 1_000 } } });
  const { http, server } = await documentedLimits();
  await using nginx = await startNginx({
    http,
    server: `${server} location / { proxy_pass ${running.url}; proxy_http_version 1.1; proxy_buffering off; }`,
  });
  const url = `${nginx.url}/api/v1/events/stream`;
  const headers = { authorization: `Bearer ${await running.tokenFor("alice")}` };
  const streams: Response[] = [];
  const abort = new AbortController();
  for (let count = 0; count < 100; count++) streams.push(await fetch(url, { headers, signal: abort.signal }));
  assert(streams.every(({ status }) => status === 200), "as many streams as the limit says are let in");
  const beyond = await fetch(url, { headers });
  await beyond.body?.cancel();
  assert.equal(beyond.status, 429, "and no more");
  abort.abort();
  await Promise.allSettled(streams.map((stream) => stream.body?.cancel()));
  const guesses = await Promise.all(Array.from({ length: 600 }, async () => {
    const response = await fetch(url, { headers: { authorization: "Bearer a.guessed.token" } });
    await response.body?.cancel();
    return response.status;
  }));
  const refused = guesses.filter((status) => status === 429).length;
  assert(refused > 0, "the flood is cut off");
  assert(guesses.every((status) => status === 429 || status === 401), `${new Set(guesses)}`);
});
