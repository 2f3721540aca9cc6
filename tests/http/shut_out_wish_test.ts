import assert from "node:assert/strict";
import { readShutOutWish } from "../../src/http/admin/shut_out_wish.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const KINDS = ["subject", "token", "session"] as const;

Deno.test("readShutOutWish: reads whom, for how long, and which tokens", () => {
  assert.deepEqual(readShutOutWish({ subject: "42" }, KINDS, 1_000, NOW_MS), {
    target: { kind: "subject", id: "42" },
    terms: { untilMs: NOW_MS + 1_000 },
  });
  const all = { session: "s", issuer: "https://id", for: "15m", issuedBefore: "2025-12-31T23:00:00+01:00" };
  assert.deepEqual(readShutOutWish(all, KINDS, undefined, NOW_MS), {
    target: { kind: "session", id: "s", issuer: "https://id" },
    terms: { untilMs: NOW_MS + 900_000, issuedBeforeMs: Date.UTC(2025, 11, 31, 22) },
  });
  const now = readShutOutWish({ token: "t", for: "1h", issuedBefore: "now" }, KINDS, undefined, NOW_MS);
  assert.ok(typeof now === "object" && now.terms.issuedBeforeMs === NOW_MS);
});

for (
  const [wrong, why] of [
    [null, /object/],
    [[], /object/],
    ["alice", /object/],
    [{}, /exactly one/],
    [{ subject: "a", token: "b" }, /exactly one/],
    [{ sub: "a" }, /"sub" is not one of/],
    [{ subject: "a", until: "x" }, /"until" is not one of/],
    [{ subject: 42 }, /subject/],
    [{ subject: "" }, /subject/],
    [{ subject: "a\u202eb" }, /subject/],
    [{ subject: "a".repeat(256) }, /subject/],
    [{ subject: "a", issuer: "" }, /issuer/],
    [{ subject: "a", for: 60 }, /for/],
    [{ subject: "a", for: "0s" }, /for/],
    [{ subject: "a", for: "3651d" }, /for/],
    [{ subject: "a", for: "forever" }, /for/],
    [{ subject: "a", for: "-1h" }, /for/],
    [{ subject: "a", issuedBefore: 5 }, /issuedBefore/],
    [{ subject: "a", issuedBefore: "yesterday" }, /issuedBefore/],
    [{ subject: "a", issuedBefore: "2026-13-01T00:00:00Z" }, /issuedBefore/],
  ] as const
) {
  Deno.test(`readShutOutWish: refuses ${JSON.stringify(wrong)?.slice(0, 60)}`, () => {
    const read = readShutOutWish(wrong, KINDS, 1_000, NOW_MS);
    assert.match(typeof read === "string" ? read : "it was read", why);
  });
}

Deno.test("readShutOutWish: a ban must say for how long, and is of a subject alone", () => {
  assert.match(String(readShutOutWish({ subject: "a" }, ["subject"], undefined, NOW_MS)), /for/);
  assert.match(String(readShutOutWish({ token: "a", for: "1h" }, ["subject"], undefined, NOW_MS)), /not one of/);
});
