import assert from "node:assert/strict";
import { mapped, onlyMessage } from "./mapped.ts";

/** The scopes that a template makes of a record, or why it makes none. */
function scopes(scope: string | string[], value: unknown, maxScopesPerRecord = 1_000): readonly string[] | string {
  const outcome = mapped({ scope }, value, { maxScopesPerRecord });
  if (outcome.kind === "messages") return outcome.messages.map((message) => message.scope);
  return outcome.kind === "dropped" ? outcome.by : outcome.reason;
}

Deno.test("compileScopes takes non-empty text and exact integers", () => {
  assert.deepEqual(scopes("user:{id}", { id: "ü-1:2" }), ["user:ü-1:2"]);
  assert.deepEqual(scopes("user:{id}", { id: 0 }), ["user:0"]);
  assert.deepEqual(scopes("user:{id}", { id: -7 }), ["user:-7"]);
  assert.deepEqual(scopes("user:{id}", '{"id":9007199254740993}'), ["user:9007199254740993"]);
  assert.deepEqual(scopes("user:{id}", '{"id":-123456789012345678901234567890}'), [
    "user:-123456789012345678901234567890",
  ]);
  assert.deepEqual(scopes("global", {}), ["global"]);
});

for (
  const text of [
    "undefined",
    "null",
    '""',
    '"*"',
    "true",
    "{}",
    '{"$ne":null}',
    "[]",
    '["a","b"]',
    "1.5",
    "-0",
    "1e400",
    "1e20",
    "12345678901234567890.5",
  ]
) {
  Deno.test(`compileScopes withholds the record from everyone when a scope's field is ${text}`, () => {
    const value = text === "undefined" ? "{}" : `{"user":{"id":${text}},"ok":"x"}`;
    assert.equal(scopes("user:{user.id}", value), "missing-field:user.id");
    assert.equal(scopes(["global", "user:{user.id}"], value), "missing-field:user.id");
    const outcome = mapped({ scope: "global", audience: ["user:{ok}", "novel:{user.id}"] }, value);
    assert.equal(outcome.kind, "dropped");
  });
}

Deno.test("compileScopes dead-letters text that is no scope, without quoting it", () => {
  for (const id of ["a b", "a\nb", "a,b", "a*", "a\u200b", "\ud800", "x".repeat(300), "\u0000"]) {
    const outcome = mapped({ scope: "user:{id}" }, { id });
    assert(outcome.kind === "dead-letter" && outcome.reason === "invalid-scope");
    assert(!outcome.detail.includes(id));
  }
});

Deno.test("compileScopes makes one scope for each element of an array, once", () => {
  assert.deepEqual(scopes("user:{ids[]}", { ids: ["a", 2, "a"] }), ["user:a", "user:2"]);
  assert.deepEqual(scopes("user:{team.members[].id}", { team: { members: [{ id: 1 }, { id: 2 }] } }), [
    "user:1",
    "user:2",
  ]);
  assert.deepEqual(scopes("seat:{room}/{ids[]}", { room: "r", ids: [1, 2] }), ["seat:r/1", "seat:r/2"]);
  assert.deepEqual(scopes(["user:{ids[]}", "user:{owner}"], { ids: [1, 2], owner: 2 }), ["user:1", "user:2"]);
  for (const ids of [undefined, null, [], "a", { 0: "a" }, [1, null], [1, ""], [[1]], [{ id: 1 }]]) {
    assert.equal(scopes("user:{ids[]}", { ids }), "missing-field:ids[]", JSON.stringify(ids));
  }
});

Deno.test("compileScopes dead-letters a record that addresses too many", () => {
  const ids = Array.from({ length: 11 }, (_, id) => id);
  assert.equal(scopes("user:{ids[]}", { ids }, 10), "too-many-scopes");
  assert.equal(scopes(["user:{ids[]}", "global"], { ids: ids.slice(1) }, 10), "too-many-scopes");
  assert.equal(scopes("user:{ids[]}", { ids: ids.slice(1) }, 10).length, 10);
});

Deno.test("compileScopes never makes one address of two pairs of values", () => {
  assert.deepEqual(scopes("pair:{a}:{b}", { a: "1", b: "2" }), ["pair:1:2"]);
  assert.equal(scopes("pair:{a}:{b}", { a: "1:2", b: "3" }), "missing-field:a");
  assert.equal(scopes("pair:{a}:{b}", { a: "1", b: "2:3" }), "missing-field:b");
});

Deno.test("compileScopes reads only what the record itself holds", () => {
  for (const path of ["constructor", "toString", "id.length", "ids.length", "hasOwnProperty.name"]) {
    assert.equal(scopes(`user:{${path}}`, { id: "x", ids: [1] }), `missing-field:${path}`);
  }
  assert.deepEqual(scopes("user:{constructor}", '{"constructor":"a"}'), ["user:a"]);
});

Deno.test("compileScopes puts every audience on every message", () => {
  const message = onlyMessage(
    mapped({ scope: "session:{s}", audience: ["novel:{n}", "user:{u}"] }, { s: 1, n: 2, u: 3 }),
  );
  assert.deepEqual(message.audience, ["novel:2", "user:3"]);
});
