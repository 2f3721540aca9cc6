import assert from "node:assert/strict";
import { configOf, problemsOf } from "./resolve.ts";

const SOURCES =
  "sources: {s: {embedded: {}}, p: {embedded: {}, format: tidegate}, d: {embedded: {}}}\npublish: {source: p}\n";

/** What is said of one rule, written in YAML's flow style; without place. */
function said(rule: string, rest = ""): readonly string[] {
  const text = `${SOURCES}mappings: {rules: [{name: r, source: s, event: a.b, scope: global, ${rule}}]${rest}}`;
  return problemsOf(text).map((problem) => problem.replace(/^t\.yaml:\d+:\d+: /, ""));
}

Deno.test("mappings has defaults for everything but the rules", () => {
  const { mappings } = configOf("");
  assert.deepEqual({ ...mappings, sensitiveNames: mappings.sensitiveNames.includes("password") }, {
    rules: [],
    unmatched: "dead-letter",
    sensitiveNames: true,
    exposePublished: false,
    maxRecordBytes: 2_097_152,
    maxDepth: 32,
    maxScopesPerRecord: 1_000,
    deadLetter: { maxFileBytes: 67_108_864, maxOriginalBytes: 65_536 },
  });
  const { mappings: { rules: [rule] } } = configOf(`${SOURCES}mappings: {rules: [{name: r, source: s, drop: true}]}`);
  assert.deepEqual(rule, {
    name: "r",
    source: "s",
    drop: true,
    when: {},
    audience: [],
    fields: {},
    version: 1,
    priority: "normal",
    validate: false,
  });
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["event: error", /^mappings\.rules\[0\]\.event .*domain\.action-past/],
  ["event: stream.opened", /event/],
  ["scope: 'user:{}'", /scope .*dotted path/],
  ["scope: '{scope}'", /scope .*begin with its kind/],
  ["scope: 'user:*'", /scope .*user:\{user_id\}/],
  ["scope: 'x:{a}{b}'", /scope .*separator/],
  ["scope: 'x:{a[]}/{b[]}'", /scope .*more than one array/],
  ["scope: 'x:{a'", /scope .*brace/],
  ["scope: 'x:{__proto__.a}'", /scope .*__proto__/],
  ["scope: 'x:{$nope}'", /scope .*\$key/],
  ["scope: 'user:{token}'", /scope must not read the sensitive name token/],
  ["scope: []", /scope/],
  ["audience: 'user:{ids[]}'", /audience .*only a scope/],
  ["audience: ['user:{profile.email}']", /audience must not read the sensitive name email/],
  ["conflationKey: '{session.cookie}'", /conflationKey must not read the sensitive name cookie/],
  ["fields: {a: b c}", /fields\.a .*dotted path/],
  ["fields: {__proto__: b}", /fields/],
  [
    "fields: {a: password}",
    /fields\.a must not read the sensitive name password; leave it out, or add expose: sensitive/,
  ],
  ["fields: {password: a}", /fields\.password must not send the sensitive name password/],
  ["fields: {a: 'user.Access-Token.id'}", /sensitive name Access-Token/],
  ["fields: {a: $header.authorization}", /sensitive name authorization/],
  ["fields: {a: {template: 'x {phone}'}}", /sensitive name phone/],
  ["fields: {a: {from: b, fields: {c: secret}}}", /fields\.a\.fields\.c must not read the sensitive name secret/],
  ["fields: {a: {}}", /fields\.a must have exactly one of from, template, const/],
  ["fields: {a: {from: b, const: 1}}", /exactly one of/],
  ["fields: {a: {const: 1, deep: true}}", /must have from/],
  ["fields: {a: {from: b, fields: {c: d}, deep: true}}", /must not have fields together with deep/],
  ["fields: {a: {from: b, frmo: c}}", /fields\.a/],
  ["drop: true", /must not have event, scope together with drop/],
  ["validate: true", /validate must be false: a\.b has no built-in schema/],
  ["when: {a: {exist: true}}", /when\.a/],
  ["when: {'a b': 1}", /when/],
  ["priority: urgent", /priority must be one of/],
  ["version: 0", /version/],
  ["nam: x", /nam/],
];

for (const [rule, expected] of REFUSED) {
  Deno.test(`mappings refuses a rule with ${rule}`, () => {
    const key = rule.slice(0, rule.indexOf(":"));
    const base = { event: "event: a.b", scope: "scope: global" };
    const others = Object.entries(base).filter(([name]) => name !== key).map(([, text]) => text);
    const text = `${SOURCES}mappings: {rules: [{name: r, source: s, ${[...others, rule].join(", ")}}]}`;
    const problems = problemsOf(text).map((problem) => problem.replace(/^t\.yaml:\d+:\d+: /, ""));
    assert(problems.some((problem) => expected.test(problem)), problems.join("\n") || "it was accepted");
  });
}

Deno.test("mappings lets a field expose a sensitive name, each by itself", () => {
  assert.deepEqual(said("fields: {email: {from: contact.email, expose: sensitive}}"), []);
  assert.equal(said("fields: {email: {from: contact.email, expose: sensitive}, b: contact.phone}").length, 1);
  assert.deepEqual(said("fields: {a: password}", ", sensitiveNames: [manuscript]"), []);
});

Deno.test("mappings refuses rules for sources that are not there, that publish, or that take the dead letters", () => {
  const rules = (source: string, rest = "") =>
    problemsOf(`${SOURCES}mappings: {rules: [{name: r, source: ${source}, drop: true}]${rest}}`).join("\n");
  assert.match(rules("x"), /rules\[0\]\.source must be a configured source: s, p, d; it is x/);
  assert.match(rules("[s, p]"), /rules\[0\]\.source must not be p: records of the format tidegate/);
  assert.match(rules("d", ", deadLetter: {source: d}"), /source must not be the source that takes the dead letters/);
  assert.match(rules("s", ", deadLetter: {source: nope}"), /deadLetter\.source must be a configured source/);
  assert.equal(rules("s", ", deadLetter: {source: d}"), "");
});

Deno.test("mappings refuses two rules of one name", () => {
  const two = "{name: r, source: s, drop: true}";
  assert.match(problemsOf(`${SOURCES}mappings: {rules: [${two}, ${two}]}`).join(), /rules\[1\]\.name must be unique/);
});
