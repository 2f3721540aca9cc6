import assert from "node:assert/strict";
import fc from "fast-check";
import { type Grant, grantsAllow, MAX_SCOPE_LENGTH, parseGrant, parseScope } from "../../src/model/scope.ts";

Deno.test("parseScope: takes global and kind:id, as they are written", () => {
  for (const text of ["global", "user:42", "novel:ä💥", "a-b_c:x", "user:a:b", "user:-1", `u:${"x".repeat(253)}`]) {
    assert.equal(parseScope(text), text);
  }
});

Deno.test("parseScope: refuses what could not stand in a frame, a log line or a query", () => {
  const refused = [
    "",
    "Global",
    "user",
    "user:",
    ":42",
    "User:42",
    "1user:42",
    "user:*",
    "*:*",
    "user:4*2",
    "user:1,2",
    "user: 42",
    "user:42 ",
    "user:4\n2",
    "user:4\u00002",
    "user:\u202e42",
    "user:4\u200b2",
    "user:\ufeff42",
    "user:\u00a042",
    "user:\ud800",
    `u:${"x".repeat(MAX_SCOPE_LENGTH)}`,
    `${"k".repeat(33)}:1`,
  ];
  for (const text of refused) assert.equal(parseScope(text), undefined, JSON.stringify(text));
});

Deno.test("parseScope: never throws, and what it takes has no invisible character", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }).map((id) => `user:${id}`),
      (text) => {
        const scope = parseScope(text);
        assert.ok(scope === undefined || !/[\p{C}\p{Z},*]/u.test(scope));
      },
    ),
  );
});

Deno.test("parseGrant: a scope, or every scope of one kind, and never everything", () => {
  for (const text of ["global", "user:42", "user:*"]) assert.equal(parseGrant(text), text);
  for (const text of ["*", "*:*", "user*", "user:4*", "User:*", ":*", ""]) {
    assert.equal(parseGrant(text), undefined, text);
  }
});

Deno.test("grantsAllow: the exact scope, or its kind's wildcard", () => {
  const grants = new Set(["user:42", "novel:*"].map(parseGrant).filter((grant): grant is Grant => grant !== undefined));
  const isAllowed = (text: string) => {
    const scope = parseScope(text);
    assert.ok(scope !== undefined);
    return grantsAllow(grants, scope);
  };
  assert.deepEqual(["user:42", "novel:7", "novel:a:b"].map(isAllowed), [true, true, true]);
  assert.deepEqual(["user:4", "user:420", "global", "novels:7", "session:novel"].map(isAllowed), [
    false,
    false,
    false,
    false,
    false,
  ]);
});
