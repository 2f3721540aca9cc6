import assert from "node:assert/strict";
import fc from "fast-check";
import { formatProblem } from "../../src/config/config_problem.ts";
import { readYAML } from "../../src/config/read_yaml.ts";
import { originAt, plainValue } from "../../src/config/setting_tree.ts";

const values = (text: string) => {
  const { settings, problems } = readYAML("t.yaml", text);
  assert.deepEqual(problems, []);
  return plainValue(settings);
};
const problems = (text: string) => readYAML("t.yaml", text).problems.map(formatProblem);

Deno.test("readYAML reads YAML 1.2: words are text, numbers and booleans are not", () => {
  assert.deepEqual(values("a: yes\nb: true\nc: 0x10\nd: 1_000\ne: 010\nf: ~\ng:\nh: '1'\ni: [1, x]\n"), {
    a: "yes",
    b: true,
    c: 16,
    d: "1_000",
    e: 10,
    f: null,
    g: null,
    h: "1",
    i: [1, "x"],
  });
});

Deno.test("readYAML takes an empty file and one of comments for no settings", () => {
  for (const text of ["", "\n", "# nothing\n", "---\n", "~\n"]) {
    assert.deepEqual(values(text), {}, JSON.stringify(text));
  }
});

Deno.test("readYAML knows where keys and values stand", () => {
  const { settings } = readYAML("t.yaml", "a:\n  b: [1,\n    two]\n");
  const at = (line: number, column: number) => ({ kind: "file", file: "t.yaml", line, column });
  assert.deepEqual(originAt(settings, ["a", "b"], "key"), at(2, 3));
  assert.deepEqual(originAt(settings, ["a", "b", 1]), at(3, 5));
  assert.deepEqual(originAt(settings, ["a", "missing"]), at(1, 1), "the nearest thing around it");
});

Deno.test("readYAML follows anchors", () => {
  assert.deepEqual(values("a: &x {k: 1}\nb: *x\n"), { a: { k: 1 }, b: { k: 1 } });
});

Deno.test("readYAML refuses, with the place, what a configuration does not need", () => {
  const cases: [string, RegExp][] = [
    ["a:\n\tb: 1\n", /^t\.yaml:2:1: a tab indents this line/],
    ["\uFEFFa: 1\n", /^t\.yaml:1:1: the file begins with a byte order mark/],
    ["a: 1\nb: 2\na: 3\n", /^t\.yaml:3:1: a stands twice/],
    ["s:\n  a: 1\n  a: 1\n", /^t\.yaml:3:3: s\.a stands twice/],
    ["a: 1\n---\nb: 1\n", /^t\.yaml:2:1: a second document/],
    ["a: !!js/function x\n", /^t\.yaml:1:4: tags such as !name/],
    ["a: !!binary aGk=\n", /^t\.yaml:1:13: a must be text, a number/],
    ["a: *nowhere\n", /^t\.yaml:1:4: a refers to the anchor "nowhere", which is defined nowhere/],
    ["a: &x [*x]\n", /refers to the anchor "x", which contains itself/],
    ["- a\n", /^t\.yaml:1:1: the file must be a map/],
    ["text\n", /^t\.yaml:1:1: the file must be a map/],
    ["a: 'x\n", /^t\.yaml:2:1: a closing quote/],
    ["%YAML 1.1\n---\na: yes\n", /asks for YAML 1\.1/],
    ["__proto__: {x: 1}\n", /^t\.yaml:1:1: has a key that is not a plain word/],
    ["? [a]\n: b\n", /has a key that is not a plain word/],
    ["a: [" + "[".repeat(20_000), /nesting is too deep/],
    [`a: ${"[".repeat(100)}${"]".repeat(100)}\n`, /nested deeper than 64/],
    [`a: ${"x".repeat(1_048_576)}\n`, /larger than 1 MiB/],
  ];
  for (const [text, expected] of cases) {
    const found = problems(text);
    assert(found.some((problem) => expected.test(problem)), `${text.slice(0, 40)} gave ${found.join("\n")}`);
  }
});

Deno.test("readYAML names harmless mistakes together, and nothing that only follows from a broken line", () => {
  assert.equal(problems("a: !x 1\nb:\n\tc: 1\nd: !y 1\n").length, 3);
  const [problem, ...others] = problems("a: {b: ${C}}\nd: 1\ne: 1\n");
  assert.match(problem ?? "", /^t\.yaml:1:\d+: .*a value with braces needs quotes/);
  assert.deepEqual(others, []);
});

Deno.test("readYAML counts what aliases make, and stops", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 12; level++) {
    lines.push(`a${level}: &a${level} [${Array(10).fill(`*a${level - 1}`).join(", ")}]`);
  }
  assert.match(problems(lines.join("\n")).join(), /larger than 100000 values when its aliases are followed/);
});

Deno.test("readYAML quotes nothing of the text in syntax problems, for it may be secret", () => {
  for (
    const text of [
      "password: hunter2: x",
      "password: 'hunter2",
      "password: [hunter2",
      "hunter2\n  - b: c\nx",
      'a: "\\hunter2"',
    ]
  ) {
    assert.doesNotMatch(problems(text).join("\n"), /unter2/, text);
  }
});

Deno.test("readYAML never throws, whatever the text", () => {
  const yamlish = fc.array(
    fc.constantFrom(
      "a",
      "b: ",
      "- ",
      "\n",
      "  ",
      "\t",
      "[",
      "]",
      "{",
      "}",
      ",",
      ":",
      "?",
      "&x ",
      "*x",
      "!t ",
      "'",
      '"',
      "|",
      ">",
      "#",
      "---\n",
      "%YAML 1.1\n",
      "\\",
      "\0",
      "\uFEFF",
      "\ud800",
      "<<: ",
    ),
    { maxLength: 40 },
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.oneof(yamlish, fc.string({ unit: "binary" })), (text) => {
      const { settings } = readYAML("t.yaml", text);
      assert.equal(settings.kind, "map");
    }),
    { numRuns: 2_000 },
  );
});
