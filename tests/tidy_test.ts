/**
 * The house's taste, checked: layers, sizes, names, words, unexplained exceptions, and that everything a user meets is
 * documented. Each rule is a function in tests/tidy, held here against the project, and against a small sample that breaks it.
 */
import assert from "node:assert/strict";
import * as z from "zod";
import { configSchema } from "../src/config/schema.ts";
import { CLOSE_REASONS } from "../src/model/close_reason.ts";
import { ERROR_CODES } from "../src/model/error_code.ts";
import { configKeys } from "./tidy/config_keys.ts";
import { missingCopySources } from "./tidy/docker_copies.ts";
import { undocumented } from "./tidy/documented.ts";
import { assertionOffences, consoleOffences, silencedOffences, untestedOffences } from "./tidy/explanations.ts";
import { layerOffences } from "./tidy/layers.ts";
import { nameOffences } from "./tidy/names.ts";
import { type Offence, offenceText, type ProjectFile } from "./tidy/offence.ts";
import { projectFiles } from "./tidy/project_files.ts";
import { proofOffences } from "./tidy/shown_by.ts";
import { sizeOffences } from "./tidy/sizes.ts";
import { wordOffences } from "./tidy/words.ts";

const FILES = await projectFiles();
const CODE = FILES.filter((file) => /\.tsx?$/.test(file.path));
const SOURCE = CODE.filter((file) => file.path === "main.ts" || file.path.startsWith("src/"));
const TESTS = CODE.filter((file) => file.path.startsWith("tests/"));
/** The rules' own texts and samples hold what they ban. */
const OTHERS = (file: ProjectFile) =>
  !/^tests\/(tidy\/|tidy_test\.ts|run_test\.ts|support\/test_summary_test\.ts)/.test(file.path);
const DOCUMENTS = FILES.filter((file) => file.path.startsWith("docs/") && file.path.endsWith(".md"));

Deno.test("imports of src go down the layers, and a package that can be replaced is known to one folder", () => {
  holds(layerOffences, SOURCE);
  const breaks = (path: string, text: string) => messagesOf(layerOffences, path, text);
  assert.match(
    breaks("src/wire/a.ts", `\nimport { b } from "../stream/b.ts";`),
    /^src\/wire\/a.ts:2: .*down the layers only/,
  );
  assert.match(breaks("src/bus/a.ts", `import type { B } from "../replay/b.ts";`), /on one level/);
  assert.match(breaks("src/bus/kafka/a.ts", `export * from "../../replay/b.ts";`), /on one level/);
  assert.match(breaks("src/gateway/a.ts", `await import("../cli/b.ts");`), /down the layers only/);
  assert.match(breaks("src/model/a.ts", `import "../config/b.ts";`), /imports nothing of the project/);
  assert.match(breaks("src/client/a.ts", `import "../model/b.ts";`), /imports nothing of the project/);
  assert.match(breaks("src/odds/a.ts", `import "../model/b.ts";`), /in no layer/);
  assert.match(breaks("src/bus/a.ts", `import "../../tests/b.ts";`), /leaves src/);
  assert.match(breaks("src/bus/a.ts", `import "npm:ioredis@6";`), /bare name/);
  assert.match(breaks("src/gateway/a.ts", `import { Kafka } from "kafkajs";`), /belongs to src\/bus\/kafka/);
  assert.equal(
    breaks("src/bus/kafka/a.ts", `import { Kafka } from "kafkajs"; import "../../wire/b.ts"; import "./c.ts";`),
    "",
  );
});

Deno.test("no file of src has more than 300 lines and no function more than 70", () => {
  holds(sizeOffences, SOURCE);
  assert.match(messagesOf(sizeOffences, "src/a.ts", "\n".repeat(300) + "1;"), /301 lines/);
  assert.match(
    messagesOf(sizeOffences, "src/a.ts", `\nfunction a() {${"\n".repeat(70)}}`),
    /^src\/a.ts:2: a function of 71 lines/,
  );
  assert.match(messagesOf(sizeOffences, "src/a.ts", `class A { #b() {${"\n".repeat(70)}} }`), /a function of 71 lines/);
  assert.equal(messagesOf(sizeOffences, "src/a.ts", `const a = () => {${"\n".repeat(69)}};`), "");
});

Deno.test("files and functions have names that say something", () => {
  holds(nameOffences, CODE);
  for (const path of ["src/wire/index.ts", "src/util/a.ts", "src/helpers.ts", "src/common/a.ts"]) {
    assert.match(messagesOf(nameOffences, path, ""), /says nothing/);
  }
  assert.match(messagesOf(nameOffences, "src/wire/sseFrame.ts", ""), /snake_case/);
  assert.match(messagesOf(nameOffences, "src/wire/a.ts", "function handleFrame() {}"), /"handleFrame"/);
  assert.match(messagesOf(nameOffences, "src/wire/a.ts", "class A { #processFrame() {} }"), /"processFrame"/);
  assert.equal(messagesOf(nameOffences, "src/client/mod.ts", "function handover() {} function processes() {}"), "");
});

Deno.test("no file holds words of unfinished work or paths of one machine", () => {
  holds(wordOffences, FILES.filter(OTHERS));
  for (const text of ["// TODO: later", "a clever hack", "kept for now", "see /root/notes", "cp '/home/me/a' b"]) {
    assert.notEqual(messagesOf(wordOffences, "docs/a.md", text), "");
  }
  assert.equal(messagesOf(wordOffences, "docs/a.md", "`/metrics`, hackathon, https://example.com/work/a"), "");
});

Deno.test("a type assertion says why it is true", () => {
  holds(assertionOffences, SOURCE);
  assert.match(
    messagesOf(assertionOffences, "src/a.ts", "const ü = '…';\nconst a = b as string;"),
    /^src\/a.ts:2: an `as`/,
  );
  assert.equal(
    messagesOf(assertionOffences, "src/a.ts", "// Parsed above.\nconst a = b as string;\nconst c = [1] as const;"),
    "",
  );
});

Deno.test("no check is switched off without a reason", () => {
  holds(silencedOffences, CODE.filter(OTHERS));
  for (const text of ["// deno-lint-ignore no-console", "// @ts-ignore why", "// @ts-nocheck", "// @ts-expect-error"]) {
    assert.notEqual(messagesOf(silencedOffences, "src/a.ts", text), "");
  }
  assert.equal(
    messagesOf(
      silencedOffences,
      "src/a.ts",
      "// deno-lint-ignore no-console -- the output\n// @ts-expect-error a bad value",
    ),
    "",
  );
});

Deno.test("every test runs, with its sanitizers on or a reason", () => {
  holds(untestedOffences, TESTS.filter(OTHERS));
  for (const text of ["Deno.test.ignore('a')", "Deno.test.only('a')", "{ ignore: true }", "{ sanitizeOps: false }"]) {
    assert.notEqual(messagesOf(untestedOffences, "tests/a_test.ts", text), "");
  }
  assert.equal(
    messagesOf(untestedOffences, "tests/a_test.ts", "{ sanitizeOps: false } // the client keeps a timer"),
    "",
  );
});

Deno.test("only the command line writes to the console", () => {
  holds(consoleOffences, SOURCE.filter((file) => !file.path.startsWith("src/cli/")));
  assert.match(messagesOf(consoleOffences, "src/bus/a.ts", "\nconsole.log(1);"), /^src\/bus\/a.ts:2: /);
});

Deno.test("every close reason and error code stands in the documents", () => {
  areDocumented([...Object.keys(CLOSE_REASONS), ...Object.keys(ERROR_CODES)]);
  assert.deepEqual(undocumented(["draining", "nonsense"], [document("The reason `draining`.")]), ["nonsense"]);
});

Deno.test("every metric stands in the documents", () => {
  areDocumented(metricNames(SOURCE));
  const code = document(`new Counter({ name: "tidegate_frames_total" })`);
  assert.deepEqual(undocumented(metricNames([code]), [document("`tidegate_bytes_total`")]), ["tidegate_frames_total"]);
});

Deno.test("every configuration key stands in the documents", () => {
  const keys = configKeys(z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }));
  assert(keys.includes("server"), "the walk finds the keys at all");
  areDocumented(keys);
});

Deno.test("what the reliability document names as its proof is there, and it names every fault", () => {
  const reliability = DOCUMENTS.filter((file) => file.path === "docs/reliability.md");
  holds((file) => proofOffences(file, CODE), reliability);
  const table = { path: "tests/faults/kafka_faults.ts", text: `{ name: "broker burns", gaps: "none" }` };
  const test = { path: "tests/a_test.ts", text: `Deno.test("b: does c", …)` };
  const messages = (text: string) => proofOffences(document(text), [table, test]).map(offenceText).join("\n");
  assert.equal(messages("- `fault kafka: broker burns`\n- `tests/a_test.ts: b: does c`"), "");
  assert.match(
    messages("- `fault kafka: broker drowns`"),
    /no row "kafka: broker drowns"\n.*leaves out .*broker burns/,
  );
  assert.match(messages("`kafka: broker burns`\n- `tests/a_test.ts: b: does d`"), /sample.md:2: .*no test "b: does d"/);
});

Deno.test("the Dockerfile copies only what is there", () => {
  const dockerfile = FILES.find((file) => file.path === "Dockerfile");
  assert(dockerfile !== undefined);
  const paths = FILES.map((file) => file.path).concat("deno.lock");
  assert.deepEqual(missingCopySources(dockerfile.text, paths), []);
  assert.deepEqual(
    missingCopySources("FROM a AS b\nCOPY main.ts gone.ts src ./\nCOPY --from=b /x /y", ["main.ts", "src/a.ts"]),
    ["gone.ts"],
  );
});

Deno.test("one version of Deno is pinned everywhere", () => {
  const pins = FILES.filter(OTHERS).flatMap((file) =>
    [...file.text.matchAll(/(?:npx -y deno@|denoland\/deno:[a-z-]*|^version=)(\d+\.\d+\.\d+)/gm)].map(([, version]) =>
      `${version} in ${file.path}`
    )
  );
  assert(pins.length > 0);
  assert.equal(new Set(pins.map((pin) => pin.split(" ")[0])).size, 1, pins.join("\n"));
});

function holds(rule: (file: ProjectFile) => Offence[], files: readonly ProjectFile[]): void {
  assert(files.length > 0);
  const offences = files.flatMap(rule).map(offenceText);
  assert.equal(offences.length, 0, `\n${offences.join("\n")}`);
}

function areDocumented(names: Iterable<string>): void {
  const missing = undocumented(names, DOCUMENTS);
  assert.equal(missing.length, 0, `nowhere in docs in backticks: ${missing.join(", ")}`);
}

function messagesOf(rule: (file: ProjectFile) => Offence[], path: string, text: string): string {
  return rule({ path, text }).map(offenceText).join("\n");
}

function document(text: string): ProjectFile {
  return { path: "docs/sample.md", text };
}

function metricNames(files: readonly ProjectFile[]): Set<string> {
  return new Set(
    files.flatMap((file) => [...file.text.matchAll(/["'`](tidegate_[a-z0-9_]+)["'`]/g)].map(([, name]) => name ?? "")),
  );
}
