import assert from "node:assert/strict";
import fc from "fast-check";
import { claimedGrants, claimedPermissions, claimedPublishTargets } from "../../src/access/claimed_rights.ts";
import { mayPublish, type Principal } from "../../src/access/principal.ts";
import { parseScope, type Scope } from "../../src/model/scope.ts";
import { authConfig } from "./issuer_fixture.ts";

const MAX_GRANTS = 512;

function grants(templates: readonly unknown[], payload: Record<string, unknown>): readonly string[] {
  const granted = claimedGrants(authConfig({ grants: templates }).grants, payload, MAX_GRANTS);
  assert.notEqual(granted, undefined);
  return [...granted ?? []];
}

Deno.test("claimedGrants: fills templates from claims, nested and listed ones too", () => {
  const payload = {
    sub: "42",
    sid: "s1",
    novel_ids: ["7", 8, 9007199254740991],
    realm_access: { roles: ["a", "b"] },
    memberships: [{ novel_id: "n1", role: "editor" }, { novel_id: 5 }],
    "https://example.com/novels": ["x.y"],
    "a.b": "dotted",
  };
  const templates = [
    "global",
    "user:{sub}",
    "session:{sid}",
    "novel:{novel_ids[]}",
    "role:{realm_access.roles[]}",
    "novel:{memberships[].novel_id}",
    'novel:{"https://example.com/novels"[]}',
    'user:{"a.b"}',
    "user:eu-{sub}",
  ];
  assert.deepEqual(grants(templates, payload), [
    ...["global", "user:42", "session:s1", "novel:7", "novel:8", "novel:9007199254740991", "role:a", "role:b"],
    ...["novel:n1", "novel:5", "novel:x.y", "user:dotted", "user:eu-42"],
  ]);
});

Deno.test("claimedGrants: {scopes[]} takes whole scopes, and nothing wider", () => {
  const scopes = ["user:1", "global", "novel:*", "*", "*:*", "nonsense", "", "user:", "USER:1", "user:a,b", 7, null];
  assert.deepEqual(grants(["{scopes[]}"], { scopes }), ["user:1", "global"]);
});

Deno.test("claimedGrants: a claim that is missing, empty or of another type grants nothing", () => {
  const values = [undefined, null, "", 0, -1, 1.5, true, {}, [], ["a"], { $ne: null }, 9007199254740993, NaN, 1e999];
  for (const id of values) assert.deepEqual(grants(["novel:{id}"], { id }), [], JSON.stringify(id));
  for (const ids of [undefined, null, "7", 7, {}, { 0: "7", length: 1 }, [[]], [["7"]], [null, true, {}, 0, ""]]) {
    assert.deepEqual(grants(["novel:{ids[]}"], { ids }), [], JSON.stringify(ids));
  }
  assert.deepEqual(grants(["novel:{a.b}"], { a: [{ b: "7" }] }), []);
  assert.deepEqual(grants(["novel:{constructor.name}", "novel:{toString}", "novel:{a.length}"], { a: "abc" }), []);
});

Deno.test("claimedGrants: no claim's value ever becomes a wildcard, another kind, or text that is no scope", () => {
  const id = fc.oneof(
    fc.constantFrom(
      "*",
      "**",
      "7*",
      "*7",
      "a:*",
      "a b",
      "a\nb",
      "a,b",
      "\u202e7",
      "7\u200b",
      "\ufeff7",
      " 7",
      "\ud800",
    ),
    fc.string({ unit: "binary" }),
  );
  fc.assert(fc.property(fc.array(id), (ids) => {
    for (const grant of grants(["novel:{ids[]}"], { ids })) {
      assert.ok(!grant.includes("*"));
      assert.ok(grant.startsWith("novel:"));
      assert.notEqual(parseScope(grant), undefined);
      assert.ok(ids.includes(grant.slice("novel:".length)));
    }
  }));
});

Deno.test("claimedGrants: a wildcard comes from a template alone, under its condition", () => {
  const template = [{ grant: "novel:*", when: { claim: "role", is: "admin" } }];
  assert.deepEqual(grants(template, { role: "admin" }), ["novel:*"]);
  assert.deepEqual(grants(template, { role: ["editor", "admin"] }), ["novel:*"]);
  for (const role of [undefined, "", "Admin", "admin ", ["administrator"], { admin: true }, true, [["admin"]]]) {
    assert.deepEqual(grants(template, { role }), [], JSON.stringify(role));
  }
  const nested = [{ grant: "novel:*", when: { claim: "realm.roles[]", is: "admin" } }];
  assert.deepEqual(grants(nested, { realm: { roles: ["x", "admin"] } }), ["novel:*"]);
});

Deno.test("claimedGrants: more grants than allowed are none, not the first few", () => {
  const { grants: rules } = authConfig({ grants: ["user:{sub}", "novel:{ids[]}"] });
  const ids = ["a", "b", "c", "c"];
  assert.equal(claimedGrants(rules, { sub: "1", ids }, 4)?.size, 4);
  assert.equal(claimedGrants(rules, { sub: "1", ids }, 3), undefined);
});

Deno.test("claimedPermissions: knows a list and a text with spaces, and ignores what means nothing", () => {
  const { claims } = authConfig();
  const of = (permissions: unknown) => [...claimedPermissions(claims.permissions, { permissions })];
  assert.deepEqual(of(["events:publish", "other", 7]), ["events:publish"]);
  assert.deepEqual(of("openid events:publish email"), ["events:publish"]);
  for (const value of [undefined, null, "", "events:*", "*", "events:publisher", { "events:publish": true }, true]) {
    assert.deepEqual(of(value), [], JSON.stringify(value));
  }
});

Deno.test("mayPublish: needs the permission and a target that covers the scope", () => {
  const scope = (text: string): Scope => {
    const parsed = parseScope(text);
    assert.ok(parsed !== undefined);
    return parsed;
  };
  const may = (publish: readonly unknown[], payload: Record<string, unknown>, target: string) => {
    const { publish: rules, claims } = authConfig({ publish });
    const publishTargets = claimedPublishTargets(rules, payload, MAX_GRANTS);
    assert.ok(publishTargets !== undefined);
    const principal: Principal = {
      issuer: "i",
      subject: "s",
      grants: new Set(),
      permissions: claimedPermissions(claims.permissions, payload),
      publishTargets,
      expiresAtMs: 0,
    };
    return mayPublish(principal, scope(target));
  };
  const permissions = ["events:publish"];
  assert.equal(may([], { permissions }, "user:1"), false);
  assert.equal(may(["*"], { permissions }, "user:1"), true);
  assert.equal(may(["*"], {}, "user:1"), false);
  assert.equal(may(["novel:{ids[]}"], { permissions, ids: ["7"] }, "novel:7"), true);
  assert.equal(may(["novel:{ids[]}"], { permissions, ids: ["7", "*"] }, "novel:8"), false);
  assert.equal(may(["{targets[]}"], { permissions, targets: ["*"] }, "user:1"), false);
  assert.equal(may(["novel:*"], { permissions }, "novel:8"), true);
  assert.equal(may(["novel:*"], { permissions }, "user:8"), false);
  assert.equal(may([{ scope: "*", when: { claim: "role", is: "backend" } }], { permissions }, "user:8"), false);
  assert.equal(
    may([{ scope: "*", when: { claim: "role", is: "backend" } }], { permissions, role: "backend" }, "global"),
    true,
  );
});
