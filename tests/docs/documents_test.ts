/**
 * The documents, checked: code of every block runs, parses or type-checks against what the project is now, and links lead
 * somewhere. What a language's check does is in its file beside this one.
 */
import assert from "node:assert/strict";
import { AdminGateway } from "../e2e/admin_gateway.ts";
import { type Offence, offenceText, type ProjectFile } from "../tidy/offence.ts";
import { projectFiles } from "../tidy/project_files.ts";
import { type CodeBlock, codeBlocks, indentedCode } from "./code_block.ts";
import {
  configurationProblems,
  eventStreamProblems,
  httpProblems,
  jsonLinesProblems,
  jsonProblems,
} from "./data_block.ts";
import { htmlProblems } from "./html_block.ts";
import { brokenLinks, linkable } from "./links.ts";
import { type ShellContext, shellProblems } from "./shell_block.ts";
import { shellCommands } from "./shell_commands.ts";
import { unexplainedVariables } from "./shell_variables.ts";
import { typeProblems } from "./type_check.ts";

const FILES = await projectFiles();
const DOCUMENTS = FILES.filter(({ path }) => /^(README|docs\/.*|src\/client\/README)\.md$/.test(path));
const BLOCKS = DOCUMENTS.flatMap(codeBlocks);

/** By language; `text` is for what is no code: drawings, and what programs print. */
const CHECKS: Readonly<Record<string, (block: CodeBlock, context: ShellContext) => Promise<string[]> | string[]>> = {
  yaml: configurationProblems,
  json: jsonProblems,
  jsonl: jsonLinesProblems,
  sse: eventStreamProblems,
  http: httpProblems,
  html: htmlProblems,
  sh: shellProblems,
};
const COMPILED = ["ts", "tsx", "js"];
/** Held against real servers by server_blocks_test.ts. */
const ON_SERVERS = ["sql", "redis", "nginx"];
/** The words above a block that no test checks. */
const UNCHECKED = /\bnot tested\b/i;
/** So many of them there are; a new one needs a reason. */
const UNCHECKED_BLOCKS = 3;

Deno.test("every block of code says its language, and one that no test checks says so above it", () => {
  const problems = [...DOCUMENTS.flatMap(indentedCode), ...BLOCKS.filter(isStray).map(strayOffence)];
  assert.equal(problems.map(offenceText).join("\n"), "");
  assert.equal(BLOCKS.filter(({ above }) => UNCHECKED.test(above)).length, UNCHECKED_BLOCKS);
});

Deno.test("commands, routes, configurations, events and JSON of the documents are right", async () => {
  await using admin = await AdminGateway.start();
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const methodsOf = async (path: string) =>
    (await Promise.all([admin.running.url, admin.url].map(async (port) => {
      const response = await fetch(`${port}${path}`, { method: "OPTIONS" });
      await response.body?.cancel();
      return response.headers.get("allow")?.split(", ") ?? [];
    }))).flat();
  const context = { tasks: new Set(Object.keys(tasks)), methodsOf };
  const offences: Offence[] = [];
  for (const block of BLOCKS.filter(({ above }) => !UNCHECKED.test(above))) {
    const problems = await CHECKS[block.language]?.(block, context) ?? [];
    offences.push(...problems.map((message) => ({ path: block.path, line: block.line, message })));
  }
  assert.equal(offences.map(offenceText).join("\n"), "");
  const broken = (language: string, text: string) => CHECKS[language]?.(sample(language, text), context);
  assert.match(String(await broken("sh", "tidegate map --fiel x")), /--fiel is no flag of it; did you mean --file/);
  assert.match(String(await broken("sh", "deno task tset")), /no task tset/);
  assert.match(String(await broken("sh", "curl http://gw:8080/api/v1/evnts")), /nothing at/);
  assert.match(String(await broken("sh", "curl -d 1 http://gw:8080/api/v1/events/stream")), /takes no POST/);
  assert.match(String(await broken("http", "GET /api/v1/events/pol")), /no GET/);
  assert.match(String(await broken("yaml", "server: { prot: 80 }")), /prot/);
  assert.match(String(await broken("json", `{"a":1 …}`)), /SyntaxError/);
  assert.match(String(await broken("sse", "event: a\ndata: {\n")), /SyntaxError/);
  assert.match(String(await broken("sse", "evnt: a\n")), /nothing/);
});

Deno.test("every variable of a shell command is set above it or explained", () => {
  const index = DOCUMENTS.find(({ path }) => path === "docs/README.md") ?? { path: "", text: "" };
  const offences = DOCUMENTS.flatMap((document) => unexplainedVariables(document, index));
  assert.equal(offences.map(offenceText).join("\n"), "");
  const text = "`$A` is yours.\n\n```sh\nB=1\necho $A $B '$C' \"$D\" # $E\n```\n\n```sh\necho ${B}\n  D=$F\n```\n";
  const broken = unexplainedVariables({ path: "a.md", text }, { path: "b.md", text: "`$F`" });
  assert.deepEqual(broken.map(({ line, message }) => `${line} ${message.slice(0, 21)}`), ["5 nothing above sets $D"]);
});

Deno.test("TypeScript and JavaScript of the documents type-check against the client's sources", async () => {
  const blocks = BLOCKS.filter(({ language }) => COMPILED.includes(language));
  assert(blocks.length > 0);
  assert.equal((await typeProblems(blocks)).join("\n"), "");
  const wrong = `import { SSEClient } from "@tidegate/client";\nnew SSEClient({ ulr: "x" });`;
  assert.match(String(await typeProblems([sample("ts", wrong)])), /'ulr' does not exist/);
  assert.match(String(await typeProblems([sample("js", "shwo(1);")])), /shwo/);
});

Deno.test("links of the documents lead to files and headings that are there", () => {
  assert.equal(brokenLinks(DOCUMENTS, linkable(FILES)).map(offenceText).join("\n"), "");
  const document: ProjectFile = {
    path: "docs/a.md",
    text: "# One `two`, three\n[a](#one-two-three) [b](b.md) [c](#four)",
  };
  const broken = brokenLinks([document], linkable([document])).map(offenceText);
  assert.deepEqual(broken, ["docs/a.md:2: b.md: there is no such file", "docs/a.md:2: #four: it has no such heading"]);
});

Deno.test("the index leads to every document", () => {
  const index = DOCUMENTS.find(({ path }) => path === "docs/README.md")?.text ?? "";
  const documents = DOCUMENTS.map(({ path }) => path).filter((path) =>
    /^docs\/(guide\/|development\/)?[^/]+\.md$/.test(path)
  );
  const missing = documents.filter((path) =>
    path !== "docs/README.md" && !index.includes(`(${path.slice("docs/".length)}`)
  );
  assert.deepEqual(missing, []);
});

Deno.test("every task of deno.json stands in the guide for contributors", async () => {
  const guide = DOCUMENTS.find(({ path }) => path === "docs/development/contributing.md")?.text ?? "";
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const missing = Object.keys(tasks).filter((task) => !new RegExp(`\\| \`deno task ${task}[\` ]`).test(guide));
  assert.deepEqual(missing, []);
});

Deno.test("shellCommands reads quotes, comments, lists, redirections and substitutions", () => {
  const script = `a 'b c' \\\n  "d$(e f)" # not this\ng=h i > j | k && l $(m n)\n`;
  assert.deepEqual(shellCommands(script), [["e", "f"], ["a", "b c", "d$(e f)"], ["g=h", "i"], ["k"], ["m", "n"], [
    "l",
    "$()",
  ]]);
  assert.throws(() => shellCommands("a 'b"), SyntaxError);
});

function isStray({ language, above }: CodeBlock): boolean {
  const checked = ["text", ...COMPILED, ...ON_SERVERS, ...Object.keys(CHECKS)];
  return !checked.includes(language) && !UNCHECKED.test(above);
}

function strayOffence({ path, line, language }: CodeBlock): Offence {
  return { path, line, message: `nothing checks ${JSON.stringify(language)}; say "not tested" above it` };
}

function sample(language: string, text: string): CodeBlock {
  return { path: "docs/sample.md", line: 1, language, marker: "", text: `${text}\n`, above: "" };
}
