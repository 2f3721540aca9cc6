import assert from "node:assert/strict";
import fc from "fast-check";
import { parseStrictJsonObject } from "../../src/access/strict_json.ts";

Deno.test("parseStrictJsonObject: reads what JSON.stringify writes, to the same value", () => {
  const object = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 4 }));
  fc.assert(fc.property(object, (value) => {
    const text = JSON.stringify(value);
    assert.deepEqual(parseStrictJsonObject(text), JSON.parse(text));
  }));
});

Deno.test("parseStrictJsonObject: refuses a member given twice at any depth, however it is escaped", () => {
  const name = fc.string({ minLength: 1, unit: "grapheme" });
  const escaped = (text: string) =>
    [...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
  fc.assert(fc.property(name, fc.nat({ max: 5 }), fc.boolean(), (member, depth, escape) => {
    const second = escape ? `"${escaped(member)}"` : JSON.stringify(member);
    const inner = `{${JSON.stringify(member)}: 1, "other}{": [{}, "${'\\"'}:"], ${second} : 2}`;
    const text = `${'{"a":['.repeat(depth)}${inner}${"]}".repeat(depth)}`;
    fc.pre(member !== "other}{");
    assert.equal(parseStrictJsonObject(text), undefined, text);
  }));
});

Deno.test("parseStrictJsonObject: the same name in different objects, or as a value, is no repetition", () => {
  const text = '{"a":{"a":"a"},"b":[{"a":1},{"a":"a:"}],"c":"a"}';
  assert.deepEqual(parseStrictJsonObject(text), JSON.parse(text));
});

Deno.test("parseStrictJsonObject: refuses what is no object, and what is nested too deep", () => {
  for (const text of ["", "null", "1", '"a"', "[]", "[{}]", "{", "{}{}", "{a:1}", "{'a':1}", "\ufeff{}", '{"a":01}']) {
    assert.equal(parseStrictJsonObject(text), undefined, text);
  }
  const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assert.notEqual(parseStrictJsonObject(nested(31)), undefined);
  assert.equal(parseStrictJsonObject(nested(32)), undefined);
  assert.equal(parseStrictJsonObject(nested(4_000)), undefined);
});
