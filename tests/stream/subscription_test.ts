import assert from "node:assert/strict";
import fc from "fast-check";
import { type Grant, parseGrant } from "../../src/model/scope.ts";
import { parseSubscription } from "../../src/stream/subscription.ts";

const LIMITS = { maxScopes: 3, maxEventPatterns: 2 };

function grantsOf(...texts: readonly string[]): ReadonlySet<Grant> {
  return new Set(texts.map(parseGrant).filter((grant): grant is Grant => grant !== undefined));
}

const GRANTS = grantsOf("user:42", "global", "novel:*");

function parse(query: string, grants = GRANTS) {
  return parseSubscription(new URLSearchParams(query), grants, LIMITS);
}

/** The code of a refusal, and what its detail must hold. */
function assertRefused(query: string, code: string, detail: string, grants = GRANTS): void {
  const parsed = parse(query, grants);
  assert.ok(parsed.kind === "refused", query);
  assert.equal(parsed.code, code, query);
  assert.ok(parsed.detail.includes(detail), parsed.detail);
}

Deno.test("parseSubscription: nothing asked for is all that is granted without a wildcard, and every event", () => {
  assert.deepEqual(parse(""), { kind: "subscription", subscription: { scopes: ["user:42", "global"], patterns: [] } });
  assert.deepEqual(parse("scope=&event="), parse(""));
});

Deno.test("parseSubscription: parameters repeat or are separated by commas, and are taken once", () => {
  assert.deepEqual(parse("scope=user:42,novel:7&scope=user:42&event=task.*&event=novel.changed,task.*"), {
    kind: "subscription",
    subscription: {
      scopes: ["user:42", "novel:7"],
      asked: ["user:42", "novel:7"],
      patterns: ["novel.changed", "task.*"],
    },
  });
});

Deno.test("parseSubscription: a scope that is not granted is refused and named", () => {
  assertRefused("scope=user:43", "scope-not-granted", '"user:43"');
  assertRefused("scope=user:42,session:x", "scope-not-granted", '"session:x"');
  assertRefused("", "scope-not-granted", "?scope=", grantsOf("novel:*"));
  assertRefused("", "scope-not-granted", "?scope=", grantsOf());
});

Deno.test("parseSubscription: what is no scope is refused before any grant is looked at", () => {
  for (const scope of ["user", "novel:*", "user: 42", "*", "user:4\n2", "user:\u202e42"]) {
    assertRefused(`scope=${encodeURIComponent(scope)}`, "invalid-scope", "is no scope");
  }
});

Deno.test("parseSubscription: what is neither a name nor a pattern is refused", () => {
  for (const event of ["task", "*", "task.*.x", "Task.done", "open", "task.done\u0000"]) {
    assertRefused(`event=${encodeURIComponent(event)}`, "invalid-event-name", "is neither an event's name");
  }
});

Deno.test("parseSubscription: more than one stream may ask for is refused with both numbers", () => {
  assertRefused("scope=novel:1,novel:2,novel:3,novel:4", "invalid-request", "4 scopes are more than the 3");
  assertRefused("event=a.b,c.d,e.f", "invalid-request", "3 event patterns are more than the 2");
  assert.equal(parse("scope=novel:1,novel:2,novel:3&event=a.b,c.d").kind, "subscription");
});

Deno.test("parseSubscription: a detail quotes hostile input as JSON text, cut short", () => {
  const parsed = parse(`scope=${encodeURIComponent(`x\r\n"${"y".repeat(10_000)}`)}`);
  assert.ok(parsed.kind === "refused" && parsed.detail.length < 200 && !/[\r\n]/.test(parsed.detail));
});

Deno.test("parseSubscription: never throws, and never gives a scope that the grants do not", () => {
  const piece = fc.constantFrom(
    "user:42",
    "user:",
    "novel:7",
    "novel:*",
    "global",
    ",",
    "*",
    "\u0000",
    "%",
    "session:1",
    "a.b",
  );
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom("scope", "event", "x"), piece)), (pairs) => {
    const parsed = parseSubscription(new URLSearchParams(pairs), GRANTS, LIMITS);
    if (parsed.kind === "refused") return;
    const { scopes } = parsed.subscription;
    assert.ok(scopes.length > 0 && scopes.length <= LIMITS.maxScopes && new Set(scopes).size === scopes.length);
    assert.ok(scopes.every((scope) => ["user:42", "global"].includes(scope) || scope.startsWith("novel:")));
  }));
});
