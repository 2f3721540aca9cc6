import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCompactToken } from "../../src/access/compact_token.ts";
import { createTokenVerifier } from "../../src/access/token_verifier.ts";
import { authConfig, ISSUER, keyPair, NOW_MS, sign } from "./issuer_fixture.ts";

const RUNS = 2_000;
const token = await sign({ jti: "t1", novel_ids: [7, 8] }, { kid: "k1", typ: "JWT" });

Deno.test("parseCompactToken: reads a token's header and claims", () => {
  const read = parseCompactToken(token);
  assert.deepEqual(read?.header, { alg: "HS256", kid: "k1", typ: "JWT" });
  assert.equal(read?.payload.sub, "alice");
  assert.equal(read?.text, token);
});

Deno.test("parseCompactToken: never throws, whatever the text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseCompactToken(text)), { numRuns: RUNS });
  const parts = fc.array(fc.base64String().map((text) => text.replaceAll("=", "")), { minLength: 3, maxLength: 3 });
  fc.assert(fc.property(parts, (three) => void parseCompactToken(three.join("."))), { numRuns: RUNS });
});

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0\u00e9";
const position = fc.nat({ max: token.length - 1 });
const character = fc.constantFrom(...ALPHABET);

/** One to three changes of a character, a removal, an insertion, a doubled or dropped part. */
const mutation = fc.oneof(
  fc.array(fc.tuple(position, character), { minLength: 1, maxLength: 3 }).map((changes) =>
    changes.reduce((text, [at, to]) => text.slice(0, at) + to + text.slice(at + 1), token)
  ),
  position.map((at) => token.slice(0, at) + token.slice(at + 1)),
  fc.tuple(position, character).map(([at, extra]) => token.slice(0, at) + extra + token.slice(at)),
  fc.tuple(position, position).map(([a, b]) => token.slice(0, a) + token.slice(b)),
  fc.shuffledSubarray(token.split("."), { minLength: 1 }).map((parts) => parts.join(".")),
).filter((text) => text !== token);

Deno.test("verify: no mutated token ever authenticates, not by a single bit of its last character", async () => {
  const verify = createTokenVerifier(authConfig(), () => NOW_MS);
  assert.equal((await verify(token)).kind, "principal");
  await fc.assert(fc.asyncProperty(mutation, async (text) => (await verify(text)).kind === "refused"), {
    numRuns: RUNS,
  });
  for (const last of ALPHABET) {
    const text = token.slice(0, -1) + last;
    if (text !== token) assert.equal((await verify(text)).kind, "refused", last);
  }
});

Deno.test("verify: no mutated token of a public key authenticates either", async () => {
  const { privateKey, jwk } = await keyPair("EdDSA");
  const verify = createTokenVerifier(
    authConfig({ issuers: [{ issuer: ISSUER, keys: [{ algorithm: "EdDSA", jwk }] }] }),
    () => NOW_MS,
  );
  const genuine = await sign({}, { alg: "EdDSA" }, privateKey);
  assert.equal((await verify(genuine)).kind, "principal");
  const changed = fc.tuple(fc.nat({ max: genuine.length - 1 }), character)
    .map(([at, to]) => genuine.slice(0, at) + to + genuine.slice(at + 1))
    .filter((text) => text !== genuine);
  await fc.assert(fc.asyncProperty(changed, async (text) => (await verify(text)).kind === "refused"), { numRuns: 500 });
});
