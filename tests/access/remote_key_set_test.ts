import assert from "node:assert/strict";
import { createAuthenticator } from "../../src/access/authenticator.ts";
import { createRemoteKeySet, type KeySetReport } from "../../src/access/remote_key_set.ts";
import { createTokenVerifier } from "../../src/access/token_verifier.ts";
import { authSchema, type JwksConfig } from "../../src/config/auth_schema.ts";
import { authConfig, GOOD_CLAIMS, ISSUER, keyPair, NOW_MS, sign } from "./issuer_fixture.ts";

const COOLDOWN_MS = 30_000;
const MAX_AGE_MS = 600_000;
const MAX_STALE_MS = 86_400_000;

/** A real HTTP server that publishes a key set and counts who asks. */
interface KeyServer extends AsyncDisposable {
  readonly url: string;
  requests: { readonly headers: Headers }[];
  /** What it answers next. */
  answer: () => Response | Promise<Response>;
}

function startKeyServer(keys: readonly unknown[]): KeyServer {
  const requests: { readonly headers: Headers }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push({ headers: request.headers });
    return keyServer.answer();
  });
  const keyServer: KeyServer = {
    url: `http://127.0.0.1:${server.addr.port}/keys`,
    requests,
    answer: () => Response.json({ keys }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return keyServer;
}

function issuerSection(url: string, more: Record<string, unknown> = {}) {
  return {
    issuer: ISSUER,
    jwks: { url, allowHttp: true, allowPrivateAddresses: true, algorithms: ["RS256", "ES256", "EdDSA"], ...more },
  };
}

function jwksConfig(url: string, more: Record<string, unknown> = {}): JwksConfig {
  const { jwks } = authConfig({ issuers: [issuerSection(url, more)] }).issuers[0] ?? {};
  assert.ok(jwks !== undefined);
  return jwks;
}

/** A clock that stands still until it is told otherwise. */
function clock() {
  const time = { ms: 0 };
  return { time, monotonicNow: () => time.ms };
}

const rsa = await keyPair("RS256");
const ec = await keyPair("ES256");
const later = await keyPair("ES256");

Deno.test("createTokenVerifier: verifies with a fetched key set, which it fetches once", async () => {
  await using server = startKeyServer([{ ...rsa.jwk, kid: "r" }, { ...ec.jwk, kid: "e" }]);
  const verify = createTokenVerifier(authConfig({ issuers: [issuerSection(server.url)] }), () => NOW_MS, clock());
  const tokens = await Promise.all([
    sign({}, { alg: "RS256", kid: "r" }, rsa.privateKey),
    sign({}, { alg: "ES256", kid: "e" }, ec.privateKey),
    sign({}, { alg: "ES256" }, ec.privateKey),
  ]);
  for (const outcome of await Promise.all(tokens.map(verify))) assert.equal(outcome.kind, "principal");
  assert.equal(server.requests.length, 1);
  assert.equal(server.requests[0]?.headers.get("authorization"), null);
});

Deno.test("createTokenVerifier: 10,000 unknown kids cause one fetch in a cooldown", async () => {
  await using server = startKeyServer([{ ...ec.jwk, kid: "e" }]);
  const { time, monotonicNow } = clock();
  const verify = createTokenVerifier(authConfig({ issuers: [issuerSection(server.url)] }), () => NOW_MS, {
    monotonicNow,
  });
  const good = await sign({}, { alg: "ES256", kid: "e" }, ec.privateKey);
  const flood = async (count: number, from: number) => {
    const [, payload, signature] = good.split(".");
    for (let at = from; at < from + count; at++) {
      const header = btoa(JSON.stringify({ alg: "ES256", kid: `k${at}` })).replaceAll("=", "");
      const outcome = await verify(`${header}.${payload}.${signature}`);
      assert.equal(outcome.kind === "refused" && outcome.code, "key-unknown");
    }
  };
  await flood(5_000, 0);
  assert.equal(server.requests.length, 1);
  assert.equal((await verify(good)).kind, "principal");
  time.ms = COOLDOWN_MS - 1;
  await flood(2_500, 5_000);
  assert.equal(server.requests.length, 1);
  time.ms = COOLDOWN_MS;
  await flood(2_500, 7_500);
  assert.equal(server.requests.length, 2);
});

Deno.test("createRemoteKeySet: a rotated key is found after the cooldown, a withdrawn one is gone", async () => {
  await using server = startKeyServer([{ ...ec.jwk, kid: "old" }]);
  const { time, monotonicNow } = clock();
  const keySet = createRemoteKeySet(jwksConfig(server.url), { monotonicNow });
  assert.equal((await keySet.candidates("ES256", "old")).kind, "keys");
  server.answer = () => Response.json({ keys: [{ ...later.jwk, kid: "new" }] });
  assert.equal((await keySet.candidates("ES256", "new")).kind, "none");
  time.ms = COOLDOWN_MS;
  assert.equal((await keySet.candidates("ES256", "new")).kind, "keys");
  assert.equal((await keySet.candidates("ES256", "old")).kind, "none");
  assert.equal(server.requests.length, 2);
});

Deno.test("createRemoteKeySet: an old set is refreshed in the background, and works meanwhile", async () => {
  await using server = startKeyServer([{ ...ec.jwk, kid: "e" }]);
  const { time, monotonicNow } = clock();
  const reports: KeySetReport[] = [];
  const refreshed = Promise.withResolvers<void>();
  const report = (one: KeySetReport) => {
    if (reports.push(one) === 2) refreshed.resolve();
  };
  const keySet = createRemoteKeySet(jwksConfig(server.url), { monotonicNow, report });
  await keySet.candidates("ES256", "e");
  const held = Promise.withResolvers<Response>();
  server.answer = () => held.promise;
  time.ms = MAX_AGE_MS;
  // The server has not answered; whoever waited for it would wait for ever here.
  assert.equal((await keySet.candidates("ES256", "e")).kind, "keys");
  assert.equal((await keySet.candidates("ES256", "e")).kind, "keys");
  held.resolve(Response.json({ keys: [{ ...ec.jwk, kid: "e" }, { kty: "oct", k: "c2VjcmV0", kid: "s" }] }));
  await refreshed.promise;
  assert.equal(server.requests.length, 2);
  assert.deepEqual(reports[1], { kind: "fetched", url: server.url, usableKeys: 1, ignoredKeys: 1 });
});

Deno.test("createRemoteKeySet: while the issuer is away its last set works until maxStale, then nothing does", async () => {
  const server = startKeyServer([{ ...ec.jwk, kid: "e" }]);
  const { time, monotonicNow } = clock();
  const reports: KeySetReport[] = [];
  const keySet = createRemoteKeySet(jwksConfig(server.url), { monotonicNow, report: (report) => reports.push(report) });
  assert.equal((await keySet.candidates("ES256", "e")).kind, "keys");
  await server[Symbol.asyncDispose]();
  time.ms = MAX_STALE_MS - 1;
  assert.equal((await keySet.candidates("ES256", "e")).kind, "keys");
  assert.equal((await keySet.candidates("ES256", "unknown")).kind, "none");
  time.ms = MAX_STALE_MS + COOLDOWN_MS;
  assert.deepEqual(await keySet.candidates("ES256", "e"), { kind: "unavailable" });
  assert.deepEqual(reports.map(({ kind }) => kind), ["fetched", "failed", "failed"]);
});

Deno.test("createRemoteKeySet: a fetch that fails counts for the cooldown too", async () => {
  await using server = startKeyServer([]);
  const { time, monotonicNow } = clock();
  server.answer = () => new Response("down", { status: 503 });
  const keySet = createRemoteKeySet(jwksConfig(server.url), { monotonicNow });
  for (let attempt = 0; attempt < 100; attempt++) {
    assert.deepEqual(await keySet.candidates("ES256", `k${attempt}`), { kind: "unavailable" });
  }
  assert.equal(server.requests.length, 1);
  time.ms = COOLDOWN_MS;
  server.answer = () => Response.json({ keys: [{ ...ec.jwk, kid: "e" }] });
  assert.equal((await keySet.candidates("ES256", "e")).kind, "keys");
  assert.equal(server.requests.length, 2);
});

Deno.test("authenticate: an issuer that cannot be reached is 503, not the client's fault", async () => {
  await using server = startKeyServer([]);
  server.answer = () => new Response(null, { status: 500 });
  const authenticator = createAuthenticator(
    authConfig({ issuers: [issuerSection(server.url)] }),
    () => NOW_MS,
    clock(),
  );
  const outcome = await authenticator.verify(await sign({}, { alg: "ES256" }, ec.privateKey));
  assert.deepEqual(outcome.kind === "refused" && [outcome.code, outcome.status], ["keys-unavailable", 503]);
});

const BAD_ANSWERS: readonly (readonly [name: string, answer: () => Response])[] = [
  ["no JSON", () => new Response("<html>")],
  ["no list", () => Response.json({ keys: {} })],
  ["a list at the top", () => Response.json([])],
  ["null", () => Response.json(null)],
  ["too large", () => new Response(`{"keys":["${"x".repeat(300_000)}"]}`)],
  ["endless", () => new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(65_536)) }))],
  ["empty", () => new Response(null, { status: 204 })],
];

Deno.test("createRemoteKeySet: an answer that is no key set fails the fetch and nothing else", async (t) => {
  for (const [name, answer] of BAD_ANSWERS) {
    await t.step(name, async () => {
      await using server = startKeyServer([]);
      server.answer = answer;
      const reports: KeySetReport[] = [];
      const keySet = createRemoteKeySet(jwksConfig(server.url), {
        ...clock(),
        report: (report) => reports.push(report),
      });
      assert.deepEqual(await keySet.candidates("ES256", "e"), { kind: "unavailable" });
      assert.equal(reports[0]?.kind, "failed");
    });
  }
});

Deno.test("fetchKeySet: follows no redirect, for it could lead inside the network", async () => {
  await using inner = startKeyServer([{ ...ec.jwk, kid: "e" }]);
  await using outer = startKeyServer([]);
  outer.answer = () => Response.redirect(inner.url, 302);
  const keySet = createRemoteKeySet(jwksConfig(outer.url), clock());
  assert.deepEqual(await keySet.candidates("ES256", "e"), { kind: "unavailable" });
  assert.equal(inner.requests.length, 0);
});

Deno.test("fetchKeySet: gives up after its timeout", async () => {
  await using server = startKeyServer([]);
  const held = Promise.withResolvers<Response>();
  server.answer = () => held.promise;
  const keySet = createRemoteKeySet(jwksConfig(server.url, { timeout: "100ms" }), clock());
  assert.deepEqual(await keySet.candidates("ES256", "e"), { kind: "unavailable" });
  held.resolve(new Response());
});

Deno.test("fetchKeySet: a public name that leads to a private address is not fetched", async () => {
  // `localhost.` resolves to this machine on every machine; the section itself would refuse it, so it is put in after.
  await using server = startKeyServer([{ ...ec.jwk, kid: "e" }]);
  const config = { ...jwksConfig(server.url.replace("127.0.0.1", "localhost")), allowPrivateAddresses: false };
  const reports: KeySetReport[] = [];
  const keySet = createRemoteKeySet(config, { ...clock(), report: (report) => reports.push(report) });
  assert.deepEqual(await keySet.candidates("ES256", "e"), { kind: "unavailable" });
  assert.match(reports[0]?.kind === "failed" ? reports[0].error.message : "", /private address/);
  assert.equal(server.requests.length, 0);
});

Deno.test("createRemoteKeySet: uses no key that is weak, secret, private or meant for something else", async (t) => {
  const weak = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 1_024, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  const cases: readonly (readonly [name: string, jwk: Record<string, unknown>])[] = [
    ["RSA of 1024 bits", { ...await crypto.subtle.exportKey("jwk", weak.publicKey), key_ops: ["verify"] }],
    ["RSA with e = 1", { ...rsa.jwk, e: "AQ" }],
    ["RSA with e = 3", { ...rsa.jwk, e: "Aw" }],
    ["for encryption", { ...rsa.jwk, use: "enc" }],
    ["for signing only", { ...rsa.jwk, key_ops: ["sign"] }],
    ["for another algorithm", { ...rsa.jwk, alg: "RS512" }],
    ["for an algorithm of no key", { ...rsa.jwk, alg: "none" }],
    ["a private key", { ...await crypto.subtle.exportKey("jwk", rsa.privateKey), key_ops: ["verify"] }],
    ["a secret", { kty: "oct", k: "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5" }],
    ["of no type", { n: rsa.jwk.n, e: rsa.jwk.e }],
    ["not on its curve", { ...ec.jwk, crv: "P-384" }],
    ["a point that is none", { ...ec.jwk, x: ec.jwk.y }],
  ];
  for (const [name, jwk] of cases) {
    await t.step(name, async () => {
      await using server = startKeyServer([{ ...jwk, kid: "k" }]);
      const reports: KeySetReport[] = [];
      const keySet = createRemoteKeySet(jwksConfig(server.url), {
        ...clock(),
        report: (report) => reports.push(report),
      });
      for (const alg of ["RS256", "ES256", "EdDSA", "HS256", "none"]) {
        assert.equal((await keySet.candidates(alg, "k")).kind, "none", alg);
      }
      assert.deepEqual(reports, [{ kind: "fetched", url: server.url, usableKeys: 0, ignoredKeys: 1 }]);
    });
  }
});

Deno.test("createTokenVerifier: two issuers with key sets under one kid stay apart", async () => {
  await using first = startKeyServer([{ ...ec.jwk, kid: "1" }]);
  await using second = startKeyServer([{ ...later.jwk, kid: "1" }]);
  const verify = createTokenVerifier(
    authSchema.parse({
      issuers: [issuerSection(first.url), { ...issuerSection(second.url), issuer: "https://b.example" }],
    }),
    () => NOW_MS,
    clock(),
  );
  const header = { alg: "ES256", kid: "1" };
  const b = { ...GOOD_CLAIMS, iss: "https://b.example" };
  assert.equal((await verify(await sign({}, header, ec.privateKey))).kind, "principal");
  assert.equal((await verify(await sign(b, header, later.privateKey))).kind, "principal");
  assert.equal((await verify(await sign({}, header, later.privateKey))).kind, "refused");
  assert.equal((await verify(await sign(b, header, ec.privateKey))).kind, "refused");
});
