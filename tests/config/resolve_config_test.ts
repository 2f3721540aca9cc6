import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "yaml";
import { configSchema } from "../../src/config/schema.ts";
import { configOf, problemsOf, resolve } from "./resolve.ts";

Deno.test("resolveConfig without anything gives the zero configuration", () => {
  assert.deepEqual(configOf(""), configSchema.parse({}));
  assert.deepEqual(Object.keys(configOf("").sources), ["events"]);
});

Deno.test("resolveConfig names all problems at once, in the file's order, then those of variables and flags", () => {
  const text = "streams:\n  heartbeat: 15\nlog: {level: '${NOPE}'}\nnope: 1\nserver: {port: -1}\nsources: {a: {}}\n";
  const found = problemsOf(text, {
    env: { TIDEGATE_NOPE: "1", TIDEGATE_DRAIN_WINDOW: "10" },
    flags: [{ flag: "--set", path: "nope", value: "1" }],
  });
  const places = found.map((problem) => problem.split(": ")[0]);
  assert.deepEqual(places, [
    "t.yaml:2:14",
    "t.yaml:3:14",
    "t.yaml:4:1",
    "t.yaml:5:16",
    "t.yaml:6:14",
    "TIDEGATE_NOPE",
    "--set",
    "TIDEGATE_DRAIN_WINDOW",
  ]);
});

Deno.test("resolveConfig prints no secret, whatever is wrong with it or around it", () => {
  const canary = "cAnArY-7f3a";
  const texts = [
    `auth: {issuers: [{issuer: i, secret: ${canary}}]}`,
    `auth: {issuers: [{issuer: i, keys: [{algorithm: RS256, secret: ${canary}}]}]}`,
    `auth: {tickets: {secret: ${canary}}}`,
    `auth: {tickets: {secret: [${canary}]}}`,
    `sources: {s: {redis: {url: 'http://u:${canary}@h', stream: x}}}`,
    `sources: {s: {redis: {url: '${canary}', stream: x}, kafka: {}}}`,
    `sources: {s: {kafka: {sasl: {mechanism: x, username: u, password: ${canary}, pasword: ${canary}}}}}`,
    `sources: {s: {kafka: {sasl: {password: "${canary}\${X}"}}}}`,
    `auth: {issuers: [{issuer: i, secret: ${canary}]}`,
    `auth: {issuers: [{issuer: i, secret: !x ${canary}}]}`,
  ];
  for (const text of texts) {
    const found = problemsOf(text);
    assert(found.length > 0, text);
    assert.doesNotMatch(found.join("\n"), new RegExp(canary), text);
  }
  const env = { TIDEGATE_AUTH_TICKETS_SECRET: canary, P: canary };
  assert.doesNotMatch(problemsOf('log: {level: "${P}"}', { env }).join("\n"), new RegExp(canary));
});

Deno.test("resolveConfig never throws: any text, any variables", () => {
  const settings = fc.object({
    key: fc.constantFrom(
      "server",
      "sources",
      "streams",
      "auth",
      "mappings",
      "rules",
      "issuers",
      "kafka",
      "a",
      "fields",
      "__proto__",
      "grants",
      "when",
      "port",
    ),
    maxDepth: 5,
  });
  fc.assert(
    fc.property(
      settings,
      fc.string(),
      fc.dictionary(
        fc.constantFrom(
          "TIDEGATE_X",
          "TIDEGATE_SERVER_PORT",
          "TIDEGATE_SOURCES_A_FORMAT",
          "TIDEGATE_AUTH_ISSUERS_9_SECRET",
          "A",
        ),
        fc.string(),
      ),
      (object, text, env) => {
        for (const file of [stringify(object), text]) assert(["ok", "problems"].includes(resolve(file, { env }).kind));
      },
    ),
    { numRuns: 200 },
  );
});
