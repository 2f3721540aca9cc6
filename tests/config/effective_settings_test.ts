import assert from "node:assert/strict";
import { parse } from "yaml";
import { effectiveSettings } from "../../src/config/effective_settings.ts";
import { formatSettings, settingRows } from "../../src/config/format_settings.ts";
import { configSchema } from "../../src/config/schema.ts";
import { configOf, type Given, resolve } from "./resolve.ts";

function printed(text: string, given: Given = {}) {
  const loaded = resolve(text, given);
  assert(loaded.kind === "ok");
  return effectiveSettings(loaded.settings, configSchema, loaded.config);
}

const FULL = `
server: {port: 9000}
auth:
  issuers:
    - {issuer: i, secret: 0123456789abcdef0123456789abcdef, grants: [global, {grant: "novel:*", when: {claim: a, is: "b, c"}}]}
sources:
  tasks: {kafka: {brokers: [k:9092], topic: t, sasl: {mechanism: plain, username: u, passwordFile: /p}}}
  log: {embedded: , format: tidegate}
mappings:
  rules:
    - {name: r, source: [tasks], event: a.b-ed, scope: "user:{id}", fields: {a: {from: a, as: string}, b: c}}
`;
const GIVEN = {
  env: { TIDEGATE_LOG_LEVEL: "debug" },
  flags: [{ flag: "--port", path: "server.port", value: "1" }],
  files: { "/p": "hunter2" },
};

Deno.test("effectiveSettings names who said each value: default, file and line, variable, flag", () => {
  const rows = new Map(settingRows(printed(FULL, GIVEN)).map((row) => [row.path, row]));
  assert.deepEqual(rows.get("streams.heartbeat"), {
    path: "streams.heartbeat",
    value: "15s",
    origin: { kind: "default" },
  });
  assert.deepEqual(rows.get("server.port")?.origin, { kind: "flag", flag: "--port" });
  assert.deepEqual(rows.get("log.level")?.origin, { kind: "env", variable: "TIDEGATE_LOG_LEVEL" });
  assert.deepEqual(rows.get("sources.tasks.kafka.topic")?.origin, {
    kind: "file",
    file: "t.yaml",
    line: 7,
    column: 45,
  });
  assert.equal(rows.get("publish.source")?.value, "log", "what was found out is shown too");
});

Deno.test("effectiveSettings redacts secrets, given or read from files", () => {
  const text = formatSettings(printed(FULL, GIVEN)) + JSON.stringify(settingRows(printed(FULL, GIVEN)));
  assert.doesNotMatch(text, /hunter2|0123456789abcdef/);
  assert.match(text, /password: \(secret\) +# t\.yaml:7/);
});

Deno.test("what is printed is YAML that makes the same configuration", () => {
  const text = formatSettings(printed(FULL, GIVEN))
    .replace(/secret: \(secret\)/, "secret: 0123456789abcdef0123456789abcdef").replace("(secret)", "hunter2");
  assert.deepEqual(configOf(text), configOf(FULL, GIVEN));
  assert.deepEqual(Object.keys(parse(text)), Object.keys(configSchema.in.in.shape));
});
