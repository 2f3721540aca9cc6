import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { authSchema, type PinnedKey } from "../../src/config/auth_schema.ts";
import { resolveConfig } from "../../src/config/resolve_config.ts";

const SECRET = "kJ8vQ2mX5sL9tR4wZ7yB1nC6pF3gH0dA";
const ISSUER = "https://issuer.example";

interface Problem {
  readonly path: string;
  readonly message: string;
}

/** The problems of a section, those inside a union's fitting branch included. */
function problems(section: Record<string, unknown>): readonly Problem[] {
  const parsed = authSchema.safeParse(section);
  if (parsed.success) return [];
  return parsed.error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join(".");
    const inner = issue.code === "invalid_union" ? issue.errors.flat() : [];
    return [{ path, message: issue.message }, ...inner.map(({ message }) => ({ path, message }))];
  });
}

function assertProblem(section: Record<string, unknown>, path: string, message: RegExp): void {
  const found = problems(section);
  assert.ok(
    found.some((problem) => problem.path === path && message.test(problem.message)),
    `no ${message} at ${path} in ${JSON.stringify(found)}`,
  );
}

const issuer = (more: Record<string, unknown>) => ({ issuers: [{ issuer: ISSUER, ...more }] });
const key = (more: Record<string, unknown>) => issuer({ keys: [more] });

function pinned(section: Record<string, unknown>): readonly PinnedKey[] {
  return authSchema.parse(section).issuers[0]?.keys ?? [];
}

async function jwkOf(parameters: RsaHashedKeyGenParams | EcKeyGenParams): Promise<Record<string, unknown>> {
  const pair = await crypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
  const { kty, n, e, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return Object.fromEntries(Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined));
}

function pemOf(jwk: Record<string, unknown>): string {
  return createPublicKey({ key: jwk, format: "jwk" }).export({ format: "pem", type: "spki" }).toString();
}

const rsaParameters = (modulusLength: number, exponent: readonly number[]) => ({
  name: "RSASSA-PKCS1-v1_5",
  modulusLength,
  publicExponent: new Uint8Array(exponent),
  hash: "SHA-256",
});
const rsa = await jwkOf(rsaParameters(2_048, [1, 0, 1]));
const ec = await jwkOf({ name: "ECDSA", namedCurve: "P-256" });

Deno.test("authSchema: nothing given believes nobody, grants what is a user's own, and lets nobody publish", () => {
  const { issuers, grants, publish, insecure, cookie, clockSkewMs, tickets } = authSchema.parse({});
  assert.deepEqual([issuers, publish, cookie], [[], [], undefined]);
  assert.deepEqual(grants.map(({ template }) => template.text), ["global", "user:{sub}", "session:{sid}"]);
  assert.deepEqual([insecure.allowTokenInUrl, clockSkewMs, tickets.lifetimeMs], [false, 60_000, 30_000]);
});

Deno.test("authSchema: every key says what it is for", () => {
  const undescribed: string[] = [];
  const visit = (schema: unknown, path: string): void => {
    if (typeof schema !== "object" || schema === null) return;
    if ("properties" in schema && typeof schema.properties === "object" && schema.properties !== null) {
      for (const [name, property] of Object.entries(schema.properties)) {
        const described = typeof property === "object" && property !== null &&
          ("description" in property || "properties" in property);
        if (!described) undescribed.push(`${path}.${name}`);
        visit(property, `${path}.${name}`);
      }
    }
    for (const inner of ["items", "anyOf"] as const) {
      if (inner in schema) [Reflect.get(schema, inner)].flat().forEach((one: unknown) => visit(one, path));
    }
  };
  visit(authSchema.toJSONSchema({ io: "input", unrepresentable: "any" }), "auth");
  assert.deepEqual(undescribed, []);
});

Deno.test("authSchema: reads a secret, PEM and JWK, each pinned to one algorithm", () => {
  assert.deepEqual(pinned(issuer({ secret: SECRET })), [{ kind: "secret", algorithm: "HS256", secret: SECRET }]);
  const [fromPem] = pinned(key({ algorithm: "RS256", kid: "k", publicKey: pemOf(rsa) }));
  assert.deepEqual(fromPem, { kind: "public", kid: "k", algorithm: "RS256", jwk: rsa });
  const [fromJwk] = pinned(key({ algorithm: "ES256", jwk: { ...ec, kid: "own", use: "sig" } }));
  assert.deepEqual(fromJwk, { kind: "public", kid: "own", algorithm: "ES256", jwk: ec });
});

Deno.test("authSchema: refuses a secret that can be guessed", () => {
  for (const secret of ["x", SECRET.slice(1), "é".repeat(15)]) {
    assertProblem(issuer({ secret }), "issuers.0.secret", /at least 32 bytes for HS256/);
  }
  assertProblem(issuer({ secret: "a".repeat(64) }), "issuers.0.secret", /must be random/);
  assertProblem(key({ algorithm: "HS512", secret: SECRET }), "issuers.0.keys.0.secret", /at least 64 bytes for HS512/);
  assertProblem({ tickets: { secret: "short" } }, "tickets.secret", /at least 32 bytes/);
});

Deno.test("authSchema: refuses a public key that is weak, private or another algorithm's", async () => {
  const pem = (parameters: RsaHashedKeyGenParams) => jwkOf(parameters).then(pemOf);
  const secretJwk = { kty: "oct", k: "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5" };
  const privatePem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----";
  const cases: readonly (readonly [Record<string, unknown>, string, RegExp])[] = [
    [{ algorithm: "RS256", publicKey: await pem(rsaParameters(1_024, [1, 0, 1])) }, ".publicKey", /has 1024 bits/],
    [{ algorithm: "RS256", jwk: { ...rsa, e: "AQ" } }, ".jwk", /exponent|cannot be read/],
    [{ algorithm: "RS256", jwk: { ...rsa, e: "Aw" } }, ".jwk", /the exponent 3/],
    [{ algorithm: "RS256", publicKey: privatePem }, ".publicKey", /private key/],
    [{ algorithm: "ES256", jwk: { ...ec, d: ec.x } }, ".jwk", /private key/],
    [{ algorithm: "RS256", publicKey: "hello" }, ".publicKey", /no PEM/],
    [{ algorithm: "RS256", publicKey: pemOf(rsa).replace("MII", "AAA") }, ".publicKey", /cannot be read/],
    [{ algorithm: "ES256", jwk: rsa }, ".jwk", /of type rsa; ES256 needs ec/],
    [{ algorithm: "ES384", jwk: ec }, ".jwk", /on the curve P-256; ES384 needs P-384/],
    [{ algorithm: "RS256", jwk: secretJwk }, ".jwk", /cannot be read/],
    [{ algorithm: "HS256", publicKey: pemOf(rsa) }, "", /must have a secret/],
    [{ algorithm: "RS256", secret: SECRET }, "", /must have a public key/],
    [{ algorithm: "RS256", publicKey: pemOf(rsa), jwk: rsa }, "", /exactly one of/],
    [{ algorithm: "RS256" }, "", /exactly one of/],
  ];
  for (const [entry, path, message] of cases) assertProblem(key(entry), `issuers.0.keys.0${path}`, message);
  assert.equal(authSchema.safeParse(key({ algorithm: "none", secret: SECRET })).success, false);
});

Deno.test("authSchema: a key set comes over https from a public address, unless somebody insists", () => {
  const jwks = (url: string, more: Record<string, unknown> = {}) => issuer({ jwks: { url, ...more } });
  assert.deepEqual(problems(jwks("https://issuer.example/keys")), []);
  assertProblem(jwks("http://issuer.example/keys"), "issuers.0.jwks.url", /must be https/);
  const hosts = [
    "127.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "[::1]",
    "[::ffff:10.0.0.1]",
    "localhost",
    "keycloak",
    "2130706433",
  ];
  for (const host of hosts) assertProblem(jwks(`https://${host}/keys`), "issuers.0.jwks.url", /private address/);
  for (const url of ["file:///etc/passwd", "ftp://a.example/", "keys", "https://user:pass@a.example/", "data:,{}"]) {
    assertProblem(jwks(url), "issuers.0.jwks.url", /must be an http\(s\) URL/);
  }
  assert.deepEqual(problems(jwks("http://127.0.0.1/keys", { allowHttp: true, allowPrivateAddresses: true })), []);
  assert.equal(authSchema.safeParse(jwks("https://a.example/", { algorithms: ["HS256"] })).success, false);
});

Deno.test("authSchema: an issuer has a key, and one entry", () => {
  assertProblem(issuer({}), "issuers.0", /must have a key/);
  assertProblem(
    { issuers: [{ issuer: ISSUER, secret: SECRET }, { issuer: ISSUER, jwks: { url: "https://a.example/" } }] },
    "issuers",
    /twice/,
  );
});

Deno.test("authSchema: refuses templates that would grant what nobody meant", () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ["*", /is no grant/],
    ["*:*", /is no grant/],
    ["user", /is no grant/],
    ["{kind}:{id}", /is not a claim's path/],
    ["user:{sub}:*", /must end with its one claim/],
    ["user:*{sub}", /must begin with its kind/],
    ["user:{a}{b}", /is not a claim's path/],
    ["user:{sub", /must end with its one claim/],
    ["user:{}", /is empty/],
    ["user:{a..b}", /is not a claim's path/],
    ["user:{a.}", /is not a claim's path/],
    ["user:{a[].b[]}", /more than one array/],
    ["user:{__proto__.x}", /__proto__/],
    ["user:{a b}", /is not a claim's path/],
    ["USER:{sub}", /must begin with its kind/],
  ];
  for (const [template, message] of refused) {
    assertProblem({ grants: [template] }, "grants.0", message);
    assertProblem({ grants: [{ grant: template }] }, "grants.0", message);
  }
  assert.deepEqual(
    problems({ publish: ["*", "novel:*", "{targets[]}", { scope: "*", when: { claim: "role", is: "x" } }] }),
    [],
  );
});

Deno.test("authSchema: takes every configuration that the guide shows", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/guide/authentication.md", import.meta.url));
  const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block ?? "");
  assert.ok(blocks.length >= 3);
  for (const text of blocks) {
    const loaded = resolveConfig({
      file: { name: "guide.yaml", text },
      environment: {},
      flags: [],
      readSecretFile: () => ({ kind: "content", text: SECRET, isWorldReadable: false }),
    });
    assert.deepEqual(loaded.kind === "problems" ? loaded.problems : [], []);
  }
});
