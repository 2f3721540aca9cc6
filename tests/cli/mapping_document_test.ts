import assert from "node:assert/strict";
import { mappingDocument } from "../../src/cli/mapping_document.ts";
import { configOf } from "../config/resolve.ts";
import { runCommandLine } from "./run_command_line.ts";

const DOCUMENT = new URL("../../docs/development/sse-event-mapping.md", import.meta.url);

Deno.test("docs/development/sse-event-mapping.md is what the example says; its first lines tell how to make it anew", async () => {
  const text = await Deno.readTextFile(DOCUMENT);
  const [, args = ""] = /`tidegate (map --document [^`]+)`/.exec(text) ?? [];
  const { code, out } = await runCommandLine(...args.split(" "));
  assert.equal(code, 0);
  assert.equal(out, text);
});

Deno.test("mappingDocument shows what a reader must know of any rule", () => {
  const config = configOf(`
sources: {s: {embedded: {}}}
auth: {grants: [global]}
mappings:
  unmatched: drop
  rules:
    - name: all
      source: s
      when: {a: {exists: true}, b: {exists: false}, c: 1}
      event: {from: t, table: {x: a.b}, default: a.c}
      scope: [global, "team:{id}"]
      audience: "team:{id}"
      fields:
        list: {from: l, fields: {n: "x|y"}}
        whole: {from: w, deep: true}
        email: {from: e, expose: sensitive}
        k: {const: null}
`);
  const text = mappingDocument(config, [], "x");
  for (
    const part of [
      "`a` is there and `b` is missing and `c` is `1`",
      "`a.b`, `a.c`",
      "granted by no token",
      "| `list.n` | `x\\|y` |",
      "| `whole` | `w`; whole, less sensitive names |",
      "| `email` | `e`; **sensitive, exposed** |",
      "| `k` | always `null` |",
      "is dropped and counted",
      "only logged",
    ]
  ) assert(text.includes(part), part);
  assert.doesNotMatch(text, /Stays behind/);
});
