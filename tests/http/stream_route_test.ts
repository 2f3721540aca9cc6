import assert from "node:assert/strict";
import type { Authenticator } from "../../src/access/authenticator.ts";
import { refusal } from "../../src/access/refusal.ts";
import { Revocations } from "../../src/access/revocations.ts";
import { RateLimiter } from "../../src/guard/rate_limiter.ts";
import { streamRoute } from "../../src/http/stream_route.ts";
import { Openings } from "../../src/stream/openings.ts";

Deno.test("streamRoute: beyond the requests that may wait, one is refused softly before its token costs anything", async () => {
  let asked = 0;
  const authenticator: Authenticator = {
    authenticate: () => {
      asked++;
      return Promise.resolve(refusal("token-malformed"));
    },
    verify: () => Promise.reject(new Error("not asked")),
    issueTicket: () => Promise.reject(new Error("not asked")),
    revocations: new Revocations(1, Date.now),
  };
  const openings = new Openings(1);
  const route = streamRoute({
    authenticator,
    openings,
    stream: () => undefined,
    limits: { maxScopes: 1, maxEventPatterns: 1 },
    rate: new RateLimiter({ perSecond: 1, burst: 1, maxKeys: 1 }),
    refuse: () => 9_000,
  });
  const open = async () => {
    const request = new Request("http://gateway/api/v1/events/stream");
    return await route.methods["GET"]?.({ request, url: new URL(request.url), parameters: {} });
  };
  // The one that is looked at, one that waits, and one too many.
  void openings.turn();
  const waits = openings.turn();
  const refused = await open();
  assert.deepEqual([refused?.status, refused?.headers.get("x-tidegate-refused"), asked], [200, "overloaded", 0]);
  assert.match(await refused?.text() ?? "", /^retry: 9000\n.*\n.*"detail":"More requests for streams wait/);
  await waits;
  assert.equal((await open())?.status, 401);
  assert.equal(asked, 1);
});
