import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { CompactEncrypt, SignJWT } from "jose";
import { createTokenVerifier } from "../../src/access/token_verifier.ts";
import { authSchema } from "../../src/config/auth_schema.ts";
import type { ErrorCode } from "../../src/model/error_code.ts";
import {
  authConfig,
  base64url,
  GOOD_CLAIMS,
  ISSUER,
  keyPair,
  NOW_MS,
  NOW_SECONDS,
  SECRET,
  sign,
  signText,
} from "./issuer_fixture.ts";

const now = () => NOW_MS;
const rsa = await keyPair("RS256");
const ec = await keyPair("ES256");
const attacker = await keyPair("RS256");
const secretBytes = new TextEncoder().encode(SECRET);
const rsaPem = createPublicKey({ key: { ...rsa.jwk }, format: "jwk" }).export({ format: "pem", type: "spki" })
  .toString();
const OTHER = "https://other.example";

/** Three issuers: one secret, one RSA key and one curve's key, two of them under the same key name. */
const verify = createTokenVerifier(
  authSchema.parse({
    issuers: [
      { issuer: ISSUER, secret: SECRET },
      { issuer: OTHER, keys: [{ algorithm: "RS256", kid: "main", publicKey: rsaPem }] },
      { issuer: "https://curve.example", keys: [{ algorithm: "ES256", kid: "main", jwk: ec.jwk }] },
    ],
  }),
  now,
);

async function assertRefused(text: string, ...codes: readonly ErrorCode[]): Promise<void> {
  const outcome = await verify(text);
  assert.equal(outcome.kind, "refused", `let in: ${text}`);
  if (outcome.kind === "refused") assert.ok(codes.includes(outcome.code), `${outcome.code}, not ${codes.join(" or ")}`);
}

const good = await sign();
const [goodHeader = "", goodPayload = "", goodSignature = ""] = good.split(".");
const header = (members: Record<string, unknown>) => JSON.stringify(members);
const payload = JSON.stringify(GOOD_CLAIMS);
const curvePayload = JSON.stringify({ ...GOOD_CLAIMS, iss: "https://curve.example" });

/** RSA-signed by the attacker, with what he likes in the header. */
function forged(members: Record<string, unknown>, claims: Record<string, unknown> = { iss: OTHER }): Promise<string> {
  return new SignJWT({ ...GOOD_CLAIMS, ...claims }).setProtectedHeader({ alg: "RS256", ...members }).sign(
    attacker.privateKey,
  );
}

Deno.test("verify: the tokens that the attacks vary are good ones", async () => {
  assert.equal((await verify(good)).kind, "principal");
  const signed = new SignJWT({ ...GOOD_CLAIMS, iss: OTHER }).setProtectedHeader({ alg: "RS256", kid: "main" });
  assert.equal((await verify(await signed.sign(rsa.privateKey))).kind, "principal");
  const curved = new SignJWT({ ...GOOD_CLAIMS, iss: "https://curve.example" }).setProtectedHeader({ alg: "ES256" });
  assert.equal((await verify(await curved.sign(ec.privateKey))).kind, "principal");
});

const ALGORITHM_ATTACKS: readonly (readonly [name: string, token: () => string | Promise<string>, code: ErrorCode])[] =
  [
    [
      "alg none, signature kept",
      () => `${base64url(header({ alg: "none" }))}.${goodPayload}.${goodSignature}`,
      "algorithm-refused",
    ],
    ["alg None", () => `${base64url(header({ alg: "None" }))}.${goodPayload}.${goodSignature}`, "algorithm-refused"],
    ["alg nOnE", () => `${base64url(header({ alg: "nOnE" }))}.${goodPayload}.${goodSignature}`, "algorithm-refused"],
    ["alg empty", () => signText(header({ alg: "" }), payload), "algorithm-refused"],
    ["alg missing", () => signText(header({}), payload), "algorithm-refused"],
    ["alg a list", () => signText(header({ alg: ["HS256"] }), payload), "algorithm-refused"],
    ["alg in lower case", () => signText(header({ alg: "hs256" }), payload), "algorithm-refused"],
    ["alg HS512 where HS256 is pinned", () => signText(header({ alg: "HS512" }), payload), "algorithm-refused"],
    ["alg __proto__", () => signText(header({ alg: "__proto__" }), payload), "algorithm-refused"],
    ["alg none, signature empty", () => `${base64url(header({ alg: "none" }))}.${goodPayload}.`, "token-malformed"],
    [
      "HMAC with the public key's PEM",
      () => signText(header({ alg: "HS256", kid: "main" }), JSON.stringify({ ...GOOD_CLAIMS, iss: OTHER }), rsaPem),
      "algorithm-refused",
    ],
    [
      "HMAC with the public key's JWK",
      () => signText(header({ alg: "HS256" }), JSON.stringify({ ...GOOD_CLAIMS, iss: OTHER }), JSON.stringify(rsa.jwk)),
      "algorithm-refused",
    ],
    [
      "PS256 over a key pinned to RS256",
      async () => (await forged({ kid: "main" })).replace(/^[^.]+/, base64url(header({ alg: "PS256", kid: "main" }))),
      "algorithm-refused",
    ],
  ];

const KEY_ATTACKS: readonly (readonly [name: string, token: () => Promise<string>, code: ErrorCode])[] = [
  ["jwk of the attacker's", () => forged({ kid: "main", jwk: attacker.jwk }), "signature-invalid"],
  ["jku of the attacker's", () => forged({ kid: "main", jku: "http://127.0.0.1:1/keys" }), "signature-invalid"],
  ["x5u of the attacker's", () => forged({ kid: "main", x5u: "http://127.0.0.1:1/cert" }), "signature-invalid"],
  ["x5c of the attacker's", () => forged({ kid: "main", x5c: ["MIIB"] }), "signature-invalid"],
  ["kid unknown", () => forged({ kid: "other" }), "key-unknown"],
  ["kid a path", () => forged({ kid: "../../../../dev/null" }), "key-unknown"],
  ["kid SQL", () => forged({ kid: "x' UNION SELECT 'k" }), "key-unknown"],
  ["kid an URL", () => forged({ kid: "http://169.254.169.254/" }), "key-unknown"],
  ["kid __proto__", () => forged({ kid: "__proto__" }), "key-unknown"],
  ["kid empty", () => forged({ kid: "" }), "key-unknown"],
  ["kid a number", () => signText(header({ alg: "HS256", kid: 1 }), payload), "key-unknown"],
  ["kid null", () => signText(header({ alg: "HS256", kid: null }), payload), "key-unknown"],
  [
    "another issuer's key under the same kid",
    () =>
      new SignJWT({ ...GOOD_CLAIMS, iss: OTHER }).setProtectedHeader({ alg: "ES256", kid: "main" }).sign(ec.privateKey),
    "algorithm-refused",
  ],
  [
    "an empty secret",
    () => signText(header({ alg: "HS256" }), payload, "\0"),
    "signature-invalid",
  ],
];

const ISSUERS: readonly unknown[] = [
  undefined,
  null,
  "",
  42,
  [ISSUER],
  { $ne: null },
  `${ISSUER}/`,
  ISSUER.toUpperCase(),
  "http://169.254.169.254/",
  "https://issuer.example@evil.example/",
  "https://issuer.example/../../x",
  "{iss}",
  "__proto__",
  "constructor",
];

Deno.test("verify: refuses every algorithm but the one that the issuer's key is pinned to", async (t) => {
  for (const [name, token, code] of ALGORITHM_ATTACKS) {
    await t.step(name, async () => await assertRefused(await token(), code));
  }
});

Deno.test("verify: takes keys from the configuration alone, whatever the header offers", async (t) => {
  for (const [name, token, code] of KEY_ATTACKS) {
    await t.step(name, async () => await assertRefused(await token(), code));
  }
});

Deno.test("verify: an issuer's key verifies no other issuer's token, even under the same kid", async () => {
  // Two issuers with keys of one type and one name: the real form of a cache that is keyed by kid.
  const twin = await keyPair("RS256");
  const isolated = createTokenVerifier(
    authSchema.parse({
      issuers: [
        { issuer: "https://a.example", keys: [{ algorithm: "RS256", kid: "1", jwk: rsa.jwk }] },
        { issuer: "https://b.example", keys: [{ algorithm: "RS256", kid: "1", jwk: twin.jwk }] },
      ],
    }),
    now,
  );
  const by = (iss: string, key: typeof twin.privateKey) =>
    new SignJWT({ ...GOOD_CLAIMS, iss }).setProtectedHeader({ alg: "RS256", kid: "1" }).sign(key);
  assert.equal((await isolated(await by("https://a.example", rsa.privateKey))).kind, "principal");
  assert.equal((await isolated(await by("https://b.example", twin.privateKey))).kind, "principal");
  assert.equal((await isolated(await by("https://b.example", rsa.privateKey))).kind, "refused");
  assert.equal((await isolated(await by("https://a.example", twin.privateKey))).kind, "refused");
});

Deno.test("verify: an issuer that is not configured by its exact text is unknown", async () => {
  for (const iss of ISSUERS) await assertRefused(await sign({ iss }), "issuer-unknown");
});

Deno.test("verify: refuses crit and b64, whatever they hold", async () => {
  for (
    const members of [{ crit: ["x"], x: 1 }, { crit: [] }, { crit: ["b64"], b64: false }, { b64: false }, { b64: true }]
  ) {
    await assertRefused(await signText(header({ alg: "HS256", ...members }), payload), "header-refused");
  }
});

Deno.test("verify: refuses every text that is not exactly one compact JWS", async (t) => {
  const jwe = await new CompactEncrypt(new TextEncoder().encode(payload)).setProtectedHeader({
    alg: "dir",
    enc: "A256GCM",
  })
    .encrypt(secretBytes.slice(0, 32));
  const malformed: readonly (readonly [string, string])[] = [
    ["empty", ""],
    ["two parts", `${goodHeader}.${goodPayload}`],
    ["four parts", `${good}.${goodSignature}`],
    ["five parts: a JWE", jwe],
    ["signature empty", `${goodHeader}.${goodPayload}.`],
    ["payload empty", `${goodHeader}..${goodSignature}`],
    ["header empty", `.${goodPayload}.${goodSignature}`],
    ["dot at the end", `${good}.`],
    ["padding", `${good}=`],
    ["the other alphabet", `${goodHeader}.${goodPayload}.${goodSignature.replace(/^./, "+")}`],
    ["blank inside", `${goodHeader}. ${goodPayload}.${goodSignature}`],
    ["line end at the end", `${good}\n`],
    ["blank in front", ` ${good}`],
    ["byte order mark in front", `\ufeff${good}`],
    ["NUL at the end", `${good}\0`],
    ["a letter that folds to ASCII", good.replace("e", "\uff45")],
    ["longer than any header", `${goodHeader}.${"A".repeat(9_000)}.${goodSignature}`],
    ["JSON serialisation", JSON.stringify({ payload: goodPayload, protected: goodHeader, signature: goodSignature })],
  ];
  for (const [name, text] of malformed) await t.step(name, async () => await assertRefused(text, "token-malformed"));
});

Deno.test("verify: refuses JSON that two parsers could read differently, though it is signed", async () => {
  const head = header({ alg: "HS256" });
  const members = payload.slice(1, -1);
  for (
    const [first, second] of [
      [`{"alg":"none","alg":"HS256"}`, payload],
      [`{"alg":"HS256","\\u0061lg":"HS256"}`, payload],
      [head, `{"sub":"mallory",${members}}`],
      [head, `{${members},"s\\u0075b":"mallory"}`],
      [head, `{${members},"nested":{"a":1,"a":2}}`],
      [`\ufeff${head}`, payload],
      [head, `\ufeff${payload}`],
      [head, `${payload}{}`],
      [head, `[${payload}]`],
      [`"HS256"`, payload],
      [head, "null"],
      [head, `{${members},"deep":${"[".repeat(40)}${"]".repeat(40)}}`],
    ] as const
  ) await assertRefused(await signText(first, second), "token-malformed");
});

Deno.test("verify: refuses forged signatures of every shape", async (t) => {
  const curveHead = base64url(header({ alg: "ES256", kid: "main" }));
  const body = base64url(curvePayload);
  const genuine = (await new SignJWT({ ...GOOD_CLAIMS, iss: "https://curve.example" }).setProtectedHeader({
    alg: "ES256",
    kid: "main",
  }).sign(ec.privateKey)).split(".");
  const raw = Uint8Array.from(
    atob((genuine[2] ?? "").replaceAll("-", "+").replaceAll("_", "/")),
    (c) => c.charCodeAt(0),
  );
  const der = new Uint8Array([0x30, 0x44, 0x02, 0x20, ...raw.slice(0, 32), 0x02, 0x20, ...raw.slice(32)]);
  const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  const orderBytes = Uint8Array.from(order.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const signatures: readonly (readonly [string, Uint8Array])[] = [
    ["r = s = 0, which verified everything in Java 15 to 18", new Uint8Array(64)],
    ["r = s = the curve's order", new Uint8Array([...orderBytes, ...orderBytes])],
    ["r = 0", new Uint8Array([...new Uint8Array(32), ...raw.slice(32)])],
    ["s = 0", new Uint8Array([...raw.slice(0, 32), ...new Uint8Array(32)])],
    ["DER instead of raw", der],
    ["too short", raw.slice(0, 63)],
    ["too long", new Uint8Array([...raw, 0])],
    ["one byte", new Uint8Array(1)],
  ];
  for (const [name, signature] of signatures) {
    await t.step(
      name,
      async () => await assertRefused(`${curveHead}.${body}.${base64url(signature)}`, "signature-invalid"),
    );
  }
  await t.step("ES384 with a key of P-256", async () => {
    const text = `${base64url(header({ alg: "ES384", kid: "main" }))}.${body}.${base64url(new Uint8Array(96))}`;
    await assertRefused(text, "algorithm-refused");
  });
  await t.step("another token's signature", async () => {
    const other = (await sign({ sub: "bob" })).split(".");
    await assertRefused(`${goodHeader}.${other[1]}.${goodSignature}`, "signature-invalid");
  });
});

Deno.test("verify: demands an exp that is a whole number of seconds in the future", async (t) => {
  const cases: readonly (readonly [string, string, ErrorCode])[] = [
    ["missing", "", "token-claim-invalid"],
    ["text", `"exp":"9999999999",`, "token-claim-invalid"],
    ["null", `"exp":null,`, "token-claim-invalid"],
    ["a list", `"exp":[9999999999],`, "token-claim-invalid"],
    ["infinite", `"exp":1e309,`, "token-claim-invalid"],
    ["huge", `"exp":1e308,`, "token-claim-invalid"],
    ["beyond any date", `"exp":8640000000001,`, "token-claim-invalid"],
    ["a fraction", `"exp":${NOW_SECONDS + 10}.5,`, "token-claim-invalid"],
    ["negative", `"exp":-1,`, "token-claim-invalid"],
    ["zero", `"exp":0,`, "token-claim-invalid"],
    ["true", `"exp":true,`, "token-claim-invalid"],
    ["past", `"exp":${NOW_SECONDS - 1},`, "token-expired"],
    ["now", `"exp":${NOW_SECONDS},`, "token-expired"],
    ["not after nbf", `"exp":${NOW_SECONDS + 10},"nbf":${NOW_SECONDS + 10},`, "token-claim-invalid"],
  ];
  for (const [name, claim, code] of cases) {
    const text = `{"iss":"${ISSUER}",${claim}"sub":"alice"}`;
    await t.step(name, async () => await assertRefused(await signText(header({ alg: "HS256" }), text), code));
  }
});

Deno.test("verify: nbf and iat may be ahead by the clock skew and no more", async () => {
  for (const claim of ["nbf", "iat"]) {
    assert.equal((await verify(await sign({ [claim]: NOW_SECONDS + 60 }))).kind, "principal");
    await assertRefused(await sign({ [claim]: NOW_SECONDS + 61 }), "token-not-yet-valid");
    for (const value of ["1", null, -1, {}]) await assertRefused(await sign({ [claim]: value }), "token-claim-invalid");
  }
});

Deno.test("verify: a token whose subject, jti or session is no text is refused, not half believed", async () => {
  for (
    const value of [{ $ne: null }, ["a", "b"], "", 0, true, null, "x".repeat(256), "a\u0000b", "a\u200bb", "\ud800"]
  ) {
    for (const claim of ["sub", "jti", "sid"]) {
      await assertRefused(
        await sign({ [claim]: value }),
        "token-claim-invalid",
      );
    }
  }
  await assertRefused(await sign({ sub: undefined }), "token-claim-invalid");
});

Deno.test("verify: aud must name a configured audience, and a token without one must not have aud", async () => {
  const withAudience = createTokenVerifier(
    authConfig({ issuers: [{ issuer: ISSUER, secret: SECRET, audience: ["gateway", "gw2"] }] }),
    now,
  );
  const codeOf = async (aud: unknown, verifier = withAudience) => {
    const outcome = await verifier(await sign({ aud }));
    return outcome.kind === "refused" ? outcome.code : "principal";
  };
  for (const aud of ["gateway", ["other", "gw2"], ["gateway"]]) assert.equal(await codeOf(aud), "principal");
  for (const aud of [undefined, null, "", "other", "GATEWAY", [], ["other"], { gateway: true }, 1, ["gateway", 1]]) {
    assert.equal(await codeOf(aud), "audience-mismatch", JSON.stringify(aud));
  }
  assert.equal(await codeOf("gateway", verify), "audience-mismatch");
});

Deno.test("verify: an ID token does not pass where at+jwt is demanded", async () => {
  const typed = createTokenVerifier(
    authConfig({ issuers: [{ issuer: ISSUER, secret: SECRET, type: "at+jwt" }] }),
    now,
  );
  for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt"]) {
    assert.equal((await typed(await sign({}, { typ }))).kind, "principal");
  }
  for (const typ of ["JWT", undefined, "at+jwt ", "text/at+jwt"]) {
    const outcome = await typed(await sign({}, { typ }));
    assert.equal(outcome.kind === "refused" && outcome.code, "token-type-mismatch");
  }
});

Deno.test("verify: a token that lives longer than allowed is refused, and so is one that hides since when", async () => {
  const bounded = createTokenVerifier(authConfig({ maxTokenLifetime: "1h" }), now);
  assert.equal((await bounded(await sign({ iat: NOW_SECONDS, exp: NOW_SECONDS + 3_600 }))).kind, "principal");
  for (const iat of [NOW_SECONDS - 1, undefined]) {
    const outcome = await bounded(await sign({ iat, exp: NOW_SECONDS + 3_600 }));
    assert.equal(outcome.kind === "refused" && outcome.code, "token-lifetime-exceeded");
  }
});
