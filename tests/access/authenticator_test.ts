import assert from "node:assert/strict";
import { createAuthenticator } from "../../src/access/authenticator.ts";
import { challenge } from "../../src/access/challenge.ts";
import { REVERIFY_AFTER_MS } from "../../src/access/verified_tokens.ts";
import { ERROR_CODES, type ErrorCode } from "../../src/model/error_code.ts";
import { authConfig, ISSUER, keyPair, NOW_MS, NOW_SECONDS, sign } from "./issuer_fixture.ts";

function start(section: Record<string, unknown> = {}) {
  const time = { ms: NOW_MS };
  const authenticator = createAuthenticator(authConfig(section), () => time.ms, {
    allowedOrigins: ["https://app.example"],
  });
  const get = (headers: Record<string, string>, query = "") =>
    authenticator.authenticate({
      method: "GET",
      url: new URL(`https://gateway.example/api/v1/events/stream${query}`),
      headers: new Headers(headers),
    });
  const codeOf = async (headers: Record<string, string>, query?: string) => {
    const outcome = await get(headers, query);
    return outcome.kind === "refused" ? outcome.code : outcome.principal.subject;
  };
  return { time, authenticator, get, codeOf };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

Deno.test("authenticate: gives the same principal for a token that was verified lately", async () => {
  const { get } = start();
  const token = await sign({ jti: "t1", sid: "s1", iat: NOW_SECONDS });
  const [first, second] = [await get(bearer(token)), await get(bearer(token))];
  assert.ok(first.kind === "principal" && second.kind === "principal");
  assert.equal(first.principal, second.principal);
  assert.deepEqual(first.principal, {
    issuer: ISSUER,
    subject: "alice",
    grants: new Set(["global", "user:alice", "session:s1"]),
    permissions: new Set(),
    publishTargets: { everywhere: false, grants: new Set() },
    expiresAtMs: NOW_MS + 3_600_000,
    issuedAtMs: NOW_MS,
    tokenId: "t1",
    sessionId: "s1",
  });
});

Deno.test("authenticate: a remembered token ends at its exp, to the millisecond", async () => {
  const { time, codeOf } = start();
  const headers = bearer(await sign({ exp: NOW_SECONDS + 10 }));
  assert.equal(await codeOf(headers), "alice");
  time.ms = NOW_MS + 9_999;
  assert.equal(await codeOf(headers), "alice");
  time.ms = NOW_MS + 10_000;
  assert.equal(await codeOf(headers), "token-expired");
});

Deno.test("authenticate: asks the revocations each time, for remembered tokens and tickets too", async () => {
  const { authenticator, codeOf, get } = start();
  const headers = bearer(await sign({ jti: "t1" }));
  const outcome = await get(headers);
  assert.ok(outcome.kind === "principal");
  const ticket = await authenticator.issueTicket(outcome.principal);
  assert.ok(ticket.kind === "ticket");
  authenticator.revocations.revoke({ kind: "token", id: "t1" }, { untilMs: NOW_MS + 3_600_000 });
  assert.equal(await codeOf(headers), "token-revoked");
  assert.equal(await codeOf({}, `?ticket=${ticket.text}`), "token-revoked");
});

Deno.test("authenticate: verifies a token anew after a while, so that a withdrawn key stops working", async () => {
  const { privateKey, jwk } = await keyPair("EdDSA");
  let keys = [{ ...jwk, kid: "k" }];
  const time = { ms: NOW_MS };
  const authenticator = createAuthenticator(
    authConfig({ issuers: [{ issuer: ISSUER, jwks: { url: "https://issuer.example/keys" } }] }),
    () => time.ms,
    { monotonicNow: () => time.ms, fetch: () => Promise.resolve(keys) },
  );
  const token = await sign({}, { alg: "EdDSA", kid: "k" }, privateKey);
  assert.equal((await authenticator.verify(token)).kind, "principal");
  keys = [];
  time.ms += REVERIFY_AFTER_MS - 1;
  assert.equal((await authenticator.verify(token)).kind, "principal");
  time.ms = NOW_MS + 600_000;
  // The first look past maxAge still uses the old set while the new one is fetched.
  await authenticator.verify(token);
  time.ms += REVERIFY_AFTER_MS;
  const outcome = await authenticator.verify(token);
  assert.equal(outcome.kind === "refused" && outcome.code, "key-unknown");
});

Deno.test("authenticate: remembers no more tokens than allowed, the latest used", async () => {
  const { get, time } = start({ maxVerifiedTokens: 2 });
  const [a, b, c] = [await sign({ jti: "a" }), await sign({ jti: "b" }), await sign({ jti: "c" })];
  const principalOf = async (token: string) => {
    const outcome = await get(bearer(token));
    return outcome.kind === "principal" ? outcome.principal : undefined;
  };
  const [first, second] = [await principalOf(a), await principalOf(b)];
  // The order of use is exact to a second.
  time.ms += 1_000;
  assert.equal(await principalOf(a), first);
  await principalOf(c);
  assert.equal(await principalOf(a), first);
  assert.notEqual(await principalOf(b), second);
});

Deno.test("authenticate: the cookie works from our own pages and from allowed origins", async () => {
  const { codeOf } = start({ cookie: { name: "__Host-tidegate" } });
  const cookie = `__Host-tidegate=${await sign()}`;
  assert.equal(await codeOf({ cookie, "sec-fetch-site": "same-origin" }), "alice");
  assert.equal(await codeOf({ cookie, "sec-fetch-site": "cross-site", origin: "https://app.example" }), "alice");
  assert.equal(
    await codeOf({ cookie, "sec-fetch-site": "cross-site", origin: "https://evil.example" }),
    "cross-site-request",
  );
});

Deno.test("authenticate: a token with too many grants is refused with the limit", async () => {
  const { get } = start({ grants: ["novel:{ids[]}"], maxGrants: 3 });
  const outcome = await get(bearer(await sign({ ids: ["a", "b", "c", "d"] })));
  assert.ok(outcome.kind === "refused");
  assert.deepEqual([outcome.code, outcome.status], ["too-many-grants", 403]);
  assert.match(outcome.detail, /more than 3 grants/);
});

Deno.test("authenticate: an issuer's own rules take the place of the common ones", async () => {
  const { get } = start({
    issuers: [{ issuer: ISSUER, secret: "kJ8vQ2mX5sL9tR4wZ7yB1nC6pF3gH0dA", grants: ["novel:{sub}"], publish: [] }],
    publish: ["*"],
  });
  const outcome = await get(bearer(await sign({ permissions: ["events:publish"] })));
  assert.ok(outcome.kind === "principal");
  assert.deepEqual([...outcome.principal.grants], ["novel:alice"]);
  assert.equal(outcome.principal.publishTargets.everywhere, false);
});

Deno.test("authenticate: no refusal repeats what the request held", async () => {
  const { get } = start();
  const canary = "canary<script>";
  const texts = [canary, await sign({ iss: canary }), await sign({ sub: { canary } }), await sign({}, { kid: canary })];
  for (const text of texts) {
    const outcome = await get(bearer(text), `?x=${canary}`);
    if (outcome.kind === "refused") assert.ok(!JSON.stringify(outcome).includes("canary"));
  }
});

Deno.test("challenge: is a header's value of ASCII for every code, and tells the bare request only the scheme", () => {
  assert.equal(challenge("token-missing"), 'Bearer realm="tidegate"');
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  for (const code of codes.filter((one) => ERROR_CODES[one].status === 401 && one !== "token-missing")) {
    const value = challenge(code);
    assert.match(
      value,
      /^Bearer realm="tidegate", error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]+"$/,
    );
    assert.equal(new Headers({ "www-authenticate": value }).get("www-authenticate"), value);
  }
});
