import assert from "node:assert/strict";
import { configOf, problemsOf } from "./resolve.ts";

Deno.test("substituteVariables replaces ${VAR} and ${VAR:-default} in values, and gives them the setting's type", () => {
  const config = configOf(
    "server: {port: '${PORT}', host: '${HOST:-127.0.0.2}', corsOrigins: '${ORIGINS}'}\ndev: {demo: '${DEMO}'}\nstreams: {heartbeat: '${BEAT}s'}",
    { env: { PORT: "9000", ORIGINS: "https://a.example, https://b.example", DEMO: "false", BEAT: "20" } },
  );
  assert.equal(config.server.port, 9_000);
  assert.equal(config.server.host, "127.0.0.2");
  assert.deepEqual(config.server.corsOrigins, ["https://a.example", "https://b.example"]);
  assert.equal(config.dev.demo, false);
  assert.equal(config.streams.heartbeatMs, 20_000);
});

Deno.test("substituteVariables takes a variable's text as data: no recursion, no YAML", () => {
  const env = { A: "${B}", B: "x", C: "x\nserver:\n  port: 1", D: "$${B}" };
  const subject = (value: string) => configOf(`sources: {s: {embedded: {path: "${value}"}}}`, { env }).sources.s;
  for (const [written, expected] of [["${A}", "${B}"], ["${C}", env.C], ["${D}", "$${B}"], ["a${B}${B}", "axx"]]) {
    const source = subject(written ?? "");
    assert(source?.kind === "embedded");
    assert.equal(source.embedded.path, expected);
  }
});

Deno.test("substituteVariables takes $${ for ${ itself, and the default of an empty variable", () => {
  const source = configOf('sources: {s: {embedded: {path: "$${A}-${E:-d}-$A"}}}', { env: { E: "" } }).sources.s;
  assert(source?.kind === "embedded");
  assert.equal(source.embedded.path, "${A}-d-$A");
});

Deno.test("substituteVariables names a missing variable once, with place and remedy", () => {
  assert.deepEqual(problemsOf("log:\n  level: ${LEVEL}\n"), [
    "t.yaml:2:10: log.level needs the environment variable LEVEL, which is not set; set it, or write ${LEVEL:-default}",
  ]);
});

Deno.test("substituteVariables refuses a ${ that begins no variable", () => {
  for (const text of ["${", "${}", "${1A}", "${A B}", "${A:-${B}}", "${A-b}"]) {
    assert.match(
      problemsOf(`log: {level: "${text}"}`, { env: { A: "a", B: "b" } }).join(),
      /has a \$\{ that begins no/,
      text,
    );
  }
});

Deno.test("substituteVariables shows what was written, never what a variable holds", () => {
  const [problem] = problemsOf('log: {level: "${LEVEL}"}', { env: { LEVEL: "hunter2" } });
  assert.match(problem ?? "", /it is "\$\{LEVEL\}" with its variables replaced/);
  assert.doesNotMatch(problem ?? "", /hunter2/);
});

Deno.test("substituteVariables leaves keys alone", () => {
  assert.match(problemsOf('"${A}": 1', { env: { A: "server" } }).join(), /is no setting of the configuration/);
});

Deno.test("a variable that the file refers to may have our prefix and be no setting", () => {
  const env = { TIDEGATE_MY_LEVEL: "debug" };
  assert.equal(configOf("log: {level: '${TIDEGATE_MY_LEVEL}'}", { env }).log.level, "debug");
  assert.equal(problemsOf("", { env }).length, 1);
});
