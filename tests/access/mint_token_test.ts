import assert from "node:assert/strict";
import fc from "fast-check";
import {
  developmentIssuer,
  randomDevelopmentSecret,
  withDevelopmentIssuer,
} from "../../src/access/development_issuer.ts";
import { type MintedToken, mintToken, type TokenWish } from "../../src/access/mint_token.ts";
import { createTokenVerifier } from "../../src/access/token_verifier.ts";
import type { AuthConfig } from "../../src/config/auth_schema.ts";
import { type Grant, parseGrant } from "../../src/model/scope.ts";
import { authConfig, ISSUER, keyPair, NOW_MS, SECRET } from "./issuer_fixture.ts";

const WISH: TokenWish = { subject: "alice", grants: [], mayPublish: false, lifetimeMs: 60_000 };

function grantsOf(...texts: readonly string[]): readonly Grant[] {
  return texts.map((text) => {
    const grant = parseGrant(text);
    assert.ok(grant !== undefined, text);
    return grant;
  });
}

function mint(config: AuthConfig, wish: Partial<TokenWish>): Promise<MintedToken> {
  const [issuer] = config.issuers;
  assert.ok(issuer !== undefined);
  return mintToken({ ...WISH, ...wish }, issuer, config, NOW_MS);
}

async function principalOf(config: AuthConfig, minted: MintedToken) {
  assert.equal(minted.kind, "token");
  const outcome = await createTokenVerifier(config, () => NOW_MS)(minted.kind === "token" ? minted.text : "");
  assert.ok(outcome.kind === "principal", JSON.stringify(outcome));
  return outcome.principal;
}

const RICH = {
  issuers: [{ issuer: ISSUER, secret: SECRET, audience: ["gateway"], type: "at+jwt" }],
  grants: [
    "global",
    "user:{sub}",
    "session:{sid}",
    "novel:{novel_ids[]}",
    "role:{realm_access.roles[]}",
    "task:{memberships[].task_id}",
    { grant: "novel:*", when: { claim: "roles[]", is: "admin" } },
    { grant: "user:*", when: { claim: "tier", is: "support" } },
  ],
  publish: ["*"],
  claims: { permissions: "realm.permissions" },
};

Deno.test("mintToken: the token yields exactly the grants that were wished for, and those that everybody has", async () => {
  const config = authConfig(RICH);
  const wished = ["novel:7", "novel:8", "role:editor", "task:t1", "task:t2", "novel:*", "user:*"];
  const minted = await mint(config, { grants: grantsOf(...wished), mayPublish: true, sessionId: "s1" });
  const principal = await principalOf(config, minted);
  assert.deepEqual(principal.grants, new Set(grantsOf("global", "user:alice", "session:s1", ...wished)));
  assert.deepEqual([...principal.permissions], ["events:publish"]);
  assert.equal(principal.expiresAtMs, NOW_MS + 60_000);
  assert.match(principal.tokenId ?? "", /^[0-9a-f-]{36}$/);
});

Deno.test("mintToken: says which grant no template yields, instead of making a token without it", async () => {
  const config = authConfig(RICH);
  for (const text of ["user:bob", "other:1", "task:*", "session:s2"]) {
    const minted = await mint(config, { grants: grantsOf(text), sessionId: "s1" });
    assert.deepEqual(minted, { kind: "unreachable-grant", grant: text });
  }
});

Deno.test("mintToken: cannot sign for an issuer whose secret it has not", async () => {
  const { jwk } = await keyPair("EdDSA");
  const config = authConfig({ issuers: [{ issuer: ISSUER, keys: [{ algorithm: "EdDSA", jwk }] }] });
  assert.deepEqual(await mint(config, {}), { kind: "no-secret" });
});

Deno.test("withDevelopmentIssuer: its tokens may say everything, beside the configured issuers", async () => {
  const secret = randomDevelopmentSecret();
  const config = withDevelopmentIssuer(authConfig(), secret);
  assert.equal(config.issuers.length, 2);
  const scope = fc.tuple(fc.constantFrom("user", "novel", "session", "task"), fc.uuid()).map(([kind, id]) =>
    `${kind}:${id}`
  );
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(scope, { maxLength: 20 }), async (texts) => {
      const grants = grantsOf(...texts, "novel:*");
      const minted = await mintToken({ ...WISH, grants, mayPublish: true }, developmentIssuer(secret), config, NOW_MS);
      const principal = await principalOf(config, minted);
      for (const grant of grants) assert.ok(principal.grants.has(grant));
      assert.equal(principal.publishTargets.everywhere, true);
    }),
    { numRuns: 50 },
  );
});

Deno.test("developmentIssuer: refuses a secret that can be guessed", () => {
  for (const secret of ["", "short", "a".repeat(64)]) {
    assert.throws(() => developmentIssuer(secret), /Cannot use the development secret/);
  }
  assert.notEqual(randomDevelopmentSecret(), randomDevelopmentSecret());
});
