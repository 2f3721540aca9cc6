import assert from "node:assert/strict";
import type { FieldSpec } from "../../src/config/mapping_field_schema.ts";
import { mapped, onlyMessage } from "./mapped.ts";

/** What one field sends of a record, as it is on the wire. */
function sent(spec: FieldSpec, value: unknown): unknown {
  const message = onlyMessage(mapped({ fields: { out: spec } }, value));
  return JSON.parse(JSON.stringify(message.data)).out;
}

Deno.test("compileFields picks scalars and arrays of scalars, and no more", () => {
  for (const value of ["x", "", 0, 1.5, -0, false, [], ["a", 1, null, true]]) {
    assert.deepEqual(sent("a.b", { a: { b: value } }), JSON.parse(JSON.stringify(value)));
  }
  for (const value of [null, undefined, {}, { c: 1 }, [{}], [[1]], ["a", {}]]) {
    assert.equal(sent("a.b", { a: { b: value } }), undefined, JSON.stringify(value));
  }
  assert.equal(sent("a.b", { a: "b" }), undefined);
  assert.equal(sent("a.1", { a: ["x", "y"] }), "y");
});

Deno.test("compileFields sends a nested object through its own allow-list, or whole when deep", () => {
  const value = {
    novel: { id: 1, title: "A", draft: { text: "…", password: "p" } },
    list: [{ id: 1, x: 2 }, 3, { id: 4 }],
  };
  assert.deepEqual(sent({ from: "novel", fields: { id: "id", text: "draft.text" } }, value), { id: 1, text: "…" });
  assert.deepEqual(sent({ from: "list", fields: { id: "id" } }, value), [{ id: 1 }, { id: 4 }]);
  assert.deepEqual(sent({ from: "novel", deep: true }, value), { id: 1, title: "A", draft: { text: "…" } });
  assert.deepEqual(sent({ from: "novel", deep: true, expose: "sensitive" }, value), value.novel);
  assert.equal(sent({ from: "none", fields: { id: "id" } }, value), undefined);
  assert.equal(sent({ from: "novel.id", fields: { id: "id" } }, value), undefined);
});

Deno.test("compileFields computes: constants, templates, tables, defaults, cuts", () => {
  const value = { id: 7, kind: "b", flag: true, text: "a👍bcdef", none: null, big: "x".repeat(10) };
  assert.equal(sent({ const: "c" }, value), "c");
  assert.equal(sent({ const: null }, value), null);
  assert.equal(sent({ template: "/{kind}/{id}-{flag}" }, value), "/b/7-true");
  assert.equal(sent({ template: "/{missing}" }, value), undefined);
  assert.equal(sent({ template: "/{none}", default: "/" }, value), "/");
  const table = { b: "bee", true: "yes", "7": 8, "9007199254740993": "big" };
  assert.equal(sent({ from: "kind", table }, value), "bee");
  assert.equal(sent({ from: "flag", table }, value), "yes");
  assert.equal(sent({ from: "id", table }, value), 8);
  assert.equal(sent({ from: "id", table }, '{"id":9007199254740993}'), "big");
  assert.equal(sent({ from: "text", table, default: 0 }, value), 0);
  assert.equal(sent({ from: "kind", table: {}, default: null }, value), null);
  assert.equal(sent({ from: "none", default: false }, value), false);
  assert.equal(sent({ from: "text", maxLength: 4 }, value), "a👍…");
  assert.equal(sent({ from: "text", maxLength: 3 }, value), "a…");
  assert.equal(sent({ from: "text", maxLength: 8 }, value), "a👍bcdef");
  assert.equal(sent({ from: "id", maxLength: 1 }, value), 7);
});

Deno.test("compileFields converts without loss, or not at all", () => {
  const as = (target: "string" | "number" | "integer" | "boolean", text: string) =>
    sent({ from: "v", as: target }, `{"v":${text}}`);
  assert.equal(as("string", "9007199254740993"), "9007199254740993");
  assert.equal(as("string", "1.5"), "1.5");
  assert.equal(as("string", "true"), "true");
  assert.equal(as("number", '"1.50"'), 1.5);
  assert.equal(as("number", '"-1e3"'), -1000);
  assert.equal(as("integer", '"42"'), 42);
  assert.equal(as("boolean", '"false"'), false);
  for (
    const text of ['""', '" 1"', '"0x10"', '"1_000"', '"NaN"', '"1e999"', '"9007199254740993"', "true", "[1]", "{}"]
  ) {
    assert.equal(as("number", text), undefined, text);
  }
  assert.equal(as("integer", "1.5"), undefined);
  for (const text of ['"yes"', "1", "0", '""']) assert.equal(as("boolean", text), undefined, text);
});

Deno.test("compileFields keeps the digits of integers beyond 2^53, wherever they are", () => {
  const text =
    '{"v":9007199254740993,"list":[9007199254740995],"deep":{"a":[-9007199254740997]},"f":0.1234567890123456789}';
  const fields: Record<string, FieldSpec> = {
    v: "v",
    list: "list",
    deep: { from: "deep", deep: true },
    text: { template: "{v}" },
    f: "f",
  };
  assert.equal(
    JSON.stringify(onlyMessage(mapped({ fields }, text)).data),
    '{"v":9007199254740993,"list":[9007199254740995],"deep":{"a":[-9007199254740997]},"text":"9007199254740993","f":0.12345678901234568}',
  );
});

Deno.test("compileFields keeps the text of numbers beyond a double's range, wherever they are", () => {
  const text = '{"v":1e999,"list":[-1E+400,1],"deep":{"a":[2e308]},"small":1e-400}';
  const fields: Record<string, FieldSpec> = {
    v: "v",
    list: "list",
    deep: { from: "deep", deep: true },
    text: { template: "{v}" },
    number: { from: "v", as: "number" },
    nested: { from: "v", fields: { rawJSON: "rawJSON" } },
    small: "small",
  };
  assert.equal(
    JSON.stringify(onlyMessage(mapped({ fields }, text)).data),
    '{"v":1e999,"list":[-1E+400,1],"deep":{"a":[2e308]},"text":"1e999","small":0}',
  );
});

Deno.test("compileFields removes sensitive names from what is sent deep, also inside JSON text", () => {
  const deep = (value: unknown) => sent({ from: "v", deep: true }, { v: value });
  const names = [
    "password",
    "PASSWORD",
    "userPassword",
    "access_token",
    "API-Key",
    "pass\u200bword",
    "ｐａｓｓｗｏｒｄ",
    "Set-Cookie",
  ];
  for (const name of names) {
    assert.deepEqual(deep({ a: [{ [name]: "canary", b: 1 }] }), { a: [{ b: 1 }] }, name);
    assert.deepEqual(deep({ t: JSON.stringify({ [name]: "canary", b: 1 }) }), { t: '{"b":1}' }, name);
    assert.equal(sent("v", { v: ` {"${name}":"canary","b":1}` }), '{"b":1}', name);
  }
  const twice = JSON.stringify(JSON.stringify({ x: JSON.stringify([{ token: "canary" }]) }));
  assert(!String(sent("v", { v: twice })).includes("canary"));
  assert.equal(sent("v", { v: '{"a":{"password":"canary"},"a":1}' }), '{"a":1}');
  assert.equal(sent("v", { v: '{"password":"canary"' }), undefined);
  assert.equal(sent("v", { v: '{"pass\\u0077ord":"canary"' }), undefined);
  for (const text of ["{", "[1, 2]", '{"a": 1.0}', '"quoted" text', "password: x", " { not json"]) {
    assert.equal(sent("v", { v: text }), text);
  }
});

Deno.test("compileFields drops __proto__ keys and never follows them", () => {
  const value = '{"v":{"__proto__":{"admin":true},"a":1},"__proto__":{"b":2}}';
  assert.deepEqual(sent({ from: "v", deep: true }, value), { a: 1 });
  assert.equal(sent("b", value), undefined);
  assert.equal(sent("v.admin", value), undefined);
});

Deno.test("compileFields dead-letters values nested too deep, without running out of stack", () => {
  const nested = (depth: number) => `{"v":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const outcome = (depth: number) =>
    mapped({ fields: { v: { from: "v", deep: true } } }, nested(depth), { maxDepth: 10 });
  assert.equal(outcome(10).kind, "messages");
  for (const depth of [11, 1_000, 500_000]) {
    const { kind, ...rest } = outcome(depth);
    assert.equal(kind, "dead-letter", JSON.stringify(rest).slice(0, 200));
  }
  // Nested as deep, but not listed: nobody looks into it.
  assert.equal(mapped({ fields: { a: "a" } }, nested(500_000)).kind, "messages");
});

/** 256 KiB each that would take hours where looking at them cost the square of their size. */
const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  "a name that never ends": `{"${'\\"'.repeat(131_072)}`,
  "quotes and colons": `{${'":'.repeat(131_072)}`,
  "a space that never ends": `{"a"${" ".repeat(262_144)}`,
  "backslashes": `{"a${"\\".repeat(262_144)}`,
  "brackets": "[".repeat(262_144),
  "many names": `{${Array.from({ length: 20_000 }, (_, index) => `"name${index}":1`).join()}`,
  "names of many words": `{${Array.from({ length: 1_000 }, (_, index) => `"${"aB".repeat(120)}${index}":1`).join()}`,
};

for (const [what, text] of Object.entries(HOSTILE_TEXTS)) {
  Deno.test(`compileFields looks through ${what} in linear time`, () => {
    assert.equal(mapped({ fields: { v: "v" } }, { v: text }).kind, "messages");
    assert.equal(
      mapped({ fields: { v: { from: "v", deep: true } } }, `{"v":${JSON.stringify([text])}}`).kind,
      "messages",
    );
  });
}
