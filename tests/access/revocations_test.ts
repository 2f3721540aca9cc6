import assert from "node:assert/strict";
import type { Principal } from "../../src/access/principal.ts";
import { NO_PUBLISH_TARGETS } from "../../src/access/principal.ts";
import { Revocations } from "../../src/access/revocations.ts";
import { ISSUER, NOW_MS } from "./issuer_fixture.ts";

const ALICE: Principal = {
  issuer: ISSUER,
  subject: "alice",
  grants: new Set(),
  permissions: new Set(),
  publishTargets: NO_PUBLISH_TARGETS,
  expiresAtMs: NOW_MS + 3_600_000,
  issuedAtMs: NOW_MS,
  tokenId: "t1",
  sessionId: "s1",
};
const UNTIL = { untilMs: NOW_MS + 1_000 };

function start(maxEntries = 100) {
  const time = { ms: NOW_MS };
  return { time, revocations: new Revocations(maxEntries, () => time.ms) };
}

Deno.test("Revocations: shuts out by subject, token or session, and nobody else", () => {
  for (const [kind, id] of [["subject", "alice"], ["token", "t1"], ["session", "s1"]] as const) {
    const { time, revocations } = start();
    assert.equal(revocations.isRevoked(ALICE), false);
    assert.deepEqual(revocations.revoke({ kind, id }, UNTIL), { kind: "revoked" });
    assert.equal(revocations.isRevoked(ALICE), true);
    assert.equal(revocations.isRevoked({ ...ALICE, subject: "bob", tokenId: "t2", sessionId: "s2" }), false);
    time.ms = UNTIL.untilMs;
    assert.equal(revocations.isRevoked(ALICE), false);
  }
});

Deno.test("Revocations: one kind's id means nothing to another, nor does an absent id match anything", () => {
  const { revocations } = start();
  revocations.revoke({ kind: "token", id: "alice" }, UNTIL);
  revocations.revoke({ kind: "session", id: "undefined" }, UNTIL);
  revocations.revoke({ kind: "token", id: "" }, UNTIL);
  const { tokenId: _, sessionId: __, ...bare } = ALICE;
  assert.equal(revocations.isRevoked(bare), false);
});

Deno.test("Revocations: one that names an issuer leaves another issuer's subject alone", () => {
  const { revocations } = start();
  revocations.revoke({ kind: "subject", id: "alice", issuer: ISSUER }, UNTIL);
  assert.equal(revocations.isRevoked(ALICE), true);
  assert.equal(revocations.isRevoked({ ...ALICE, issuer: "https://b.example" }), false);
});

Deno.test("Revocations: with issuedBeforeMs a later login works, and a token without iat does not", () => {
  const { revocations } = start();
  revocations.revoke({ kind: "subject", id: "alice" }, { ...UNTIL, issuedBeforeMs: NOW_MS + 500 });
  assert.equal(revocations.isRevoked(ALICE), true);
  assert.equal(revocations.isRevoked({ ...ALICE, issuedAtMs: NOW_MS + 500 }), false);
  const { issuedAtMs: _, ...undated } = ALICE;
  assert.equal(revocations.isRevoked(undated), true);
});

Deno.test("Revocations: a second revocation never narrows the first", () => {
  const { time, revocations } = start();
  revocations.revoke({ kind: "token", id: "t1" }, { untilMs: NOW_MS + 10_000 });
  revocations.revoke({ kind: "token", id: "t1" }, { untilMs: NOW_MS + 1_000, issuedBeforeMs: NOW_MS - 1 });
  time.ms = NOW_MS + 9_999;
  assert.equal(revocations.isRevoked(ALICE), true);
  assert.equal(revocations.size, 1);
});

Deno.test("Revocations: restore takes exactly one back", () => {
  const { revocations } = start();
  revocations.revoke({ kind: "subject", id: "alice" }, UNTIL);
  revocations.revoke({ kind: "subject", id: "alice", issuer: ISSUER }, UNTIL);
  assert.equal(revocations.restore({ kind: "subject", id: "alice" }), true);
  assert.equal(revocations.isRevoked(ALICE), true);
  assert.equal(revocations.restore({ kind: "subject", id: "alice", issuer: ISSUER }), true);
  assert.equal(revocations.restore({ kind: "subject", id: "alice", issuer: ISSUER }), false);
  assert.equal(revocations.isRevoked(ALICE), false);
  assert.equal(revocations.size, 0);
});

Deno.test("Revocations: full is said aloud; the past makes room, the present never does", () => {
  const { time, revocations } = start(2);
  revocations.revoke({ kind: "token", id: "t1" }, UNTIL);
  revocations.revoke({ kind: "subject", id: "bob" }, { untilMs: NOW_MS + 60_000 });
  assert.deepEqual(revocations.revoke({ kind: "session", id: "s9" }, UNTIL), { kind: "full" });
  assert.deepEqual(revocations.revoke({ kind: "token", id: "t1" }, UNTIL), { kind: "revoked" });
  assert.equal(revocations.isRevoked(ALICE), true);
  time.ms = UNTIL.untilMs;
  assert.deepEqual(revocations.revoke({ kind: "session", id: "s9" }, { untilMs: time.ms + 1 }), { kind: "revoked" });
  assert.equal(revocations.size, 2);
  assert.equal(revocations.isRevoked({ ...ALICE, subject: "bob" }), true);
});
