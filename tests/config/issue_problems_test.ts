import assert from "node:assert/strict";
import { configOf, problemsOf } from "./resolve.ts";

/** Each text breaks one rule; the problem it must give, whole. */
const CASES: readonly (readonly [string, string])[] = [
  [
    "streams:\n  heartbeat: 15\n",
    "t.yaml:2:14: streams.heartbeat must be a duration from 1s to 1m, with its unit: ms, s, m, h or d; it is 15",
  ],
  [
    "journal:\n  maxBytes: 1MB\n",
    't.yaml:2:13: journal.maxBytes must be a size from 64KiB to 64GiB, with its unit: B, KiB, MiB or GiB; it is "1MB"',
  ],
  ["server: {port: 99999}\n", "t.yaml:1:16: server.port must be a whole number from 0 to 65535; it is 99999"],
  ["server: {port: 1.5}\n", "t.yaml:1:16: server.port must be a whole number from 0 to 65535; it is 1.5"],
  ["server: {port: .nan}\n", "t.yaml:1:16: server.port must be a whole number from 0 to 65535; it is NaN"],
  ["log: {level: warn}\n", 't.yaml:1:14: log.level must be one of debug, info, warning, error; it is "warn"'],
  [
    "log: {level: eror}\n",
    't.yaml:1:14: log.level must be one of debug, info, warning, error; it is "eror"; did you mean error?',
  ],
  ["dev: {demo: yes}\n", 't.yaml:1:13: dev.demo must be true or false; it is "yes"; did you mean true?'],
  ["dev: {demo: off}\n", 't.yaml:1:13: dev.demo must be true or false; it is "off"; did you mean false?'],
  ["server: {host: 1}\n", "t.yaml:1:16: server.host must be text; it is 1 (put it in quotes)"],
  [
    "server: {corsOrigins: [https://a.example/]}\n",
    't.yaml:1:24: server.corsOrigins[0] must be an exact origin: scheme and host, with a port unless it is the scheme\'s own, such as https://app.example.com; it is "https://a.example/"',
  ],
  ["server: [1]\n", "t.yaml:1:9: server must be a map of settings; it is a list"],
  [
    "hearbeat: 1s\n",
    "t.yaml:1:1: hearbeat is no setting of the configuration; there are server, auth, sources, publish, outbox, mappings, streams, journal, history, replay, drain, log, metrics, admin, dev",
  ],
  [
    "heartbeat: 1s\n",
    "t.yaml:1:1: heartbeat is no setting of the configuration; there are server, auth, sources, publish, outbox, mappings, streams, journal, history, replay, drain, log, metrics, admin, dev; did you mean streams.heartbeat?",
  ],
  ["drain: {windw: 1s}\n", "t.yaml:1:9: drain.windw is no setting of drain; there are window; did you mean window?"],
  ["sources: {}\npublish: {source: x}\n", 't.yaml:2:19: publish.source must be a configured source: ; it is "x"'],
  ["sources:\n  a: {}\n", "t.yaml:2:6: sources.a must have exactly one of kafka, redis, embedded; it has none of them"],
  [
    "sources: {a: {embedded: , redis: {url: 'redis://r', stream: s}}}\n",
    "t.yaml:1:14: sources.a must have exactly one of kafka, redis, embedded; it has redis and embedded",
  ],
  [
    "sources: {a: {kafka: {topic: t}}}\n",
    "t.yaml:1:15: sources.a.kafka.brokers is missing; it must be a list, each item text",
  ],
  [
    "sources: {a: {kafka: {brokers: [kafka], topic: t}}}\n",
    't.yaml:1:33: sources.a.kafka.brokers[0] must be host:port, such as kafka-1:9092; it is "kafka"',
  ],
  [
    "sources: {a: {redis: {url: 'redis://r'}}}\n",
    "t.yaml:1:22: sources.a.redis must have exactly one of stream, streams; it is a map",
  ],
  [
    "sources: {a: {redis: {url: 'redis://r', stream: s, maxLength: 9, maxLengthApprox: 9}}}\n",
    "t.yaml:1:22: sources.a.redis must have at most one of maxLength, maxLengthApprox: they are two names of one limit; it is a map",
  ],
  [
    "sources: {'a:b': {embedded: {}}}\n",
    't.yaml:1:11: sources["a:b"] must be 1 to 64 of a-z 0-9 _ . -, first a letter or digit',
  ],
  [
    "sources: {'a,b': {embedded: {}}}\n",
    't.yaml:1:11: sources["a,b"] must be 1 to 64 of a-z 0-9 _ . -, first a letter or digit',
  ],
  [
    "streams: {retry: {min: 0s}}\n",
    't.yaml:1:24: streams.retry.min must be a duration from 1s to 10m, with its unit: ms, s, m, h or d; it is "0s"',
  ],
  [
    "streams: {heartbeat: 0s}\n",
    't.yaml:1:22: streams.heartbeat must be a duration from 1s to 1m, with its unit: ms, s, m, h or d; it is "0s"',
  ],
];

Deno.test("a SASL block without a password is refused", () => {
  const text = "sources: {a: {kafka: {brokers: [k:1], topic: t, sasl: {mechanism: plain, username: u}}}}";
  assert.match(problemsOf(text).join(), /sources\.a\.kafka\.sasl must have exactly one of password, passwordFile/);
});

Deno.test("a broken setting is refused with file, line, column, path, what is allowed, and what was meant", () => {
  for (const [text, problem] of CASES) assert.deepEqual(problemsOf(text), [problem], text);
});

Deno.test("a problem inside a union is that of the branch which takes the value", () => {
  const rule = (more: string) =>
    `sources: {s: {embedded: }}\nmappings: {rules: [{name: r, source: s, scope: global, ${more}}]}`;
  const found = problemsOf(rule("event: a.b-ed, fields: {a: {from: a, tmplate: b}}")).join();
  assert.match(found, /mappings\.rules\[0\]\.fields\.a\.tmplate is no setting of .*did you mean template\?/);
  assert.match(problemsOf(rule("event: Nope")).join(), /mappings\.rules\[0\]\.event must be .*; it is "Nope"/);
});

Deno.test("a section or block without a value counts as empty", () => {
  const config = configOf("streams:\nsources:\n  a:\n    embedded:\n    format: tidegate\n");
  assert.equal(config.streams.heartbeatMs, 15_000);
  assert.equal(config.sources.a?.kind, "embedded");
});

Deno.test("two sources of one name are refused", () => {
  assert.deepEqual(problemsOf("sources:\n  a: {embedded: }\n  a: {embedded: }\n"), [
    "t.yaml:3:3: sources.a stands twice in this map; keep one",
  ]);
});

Deno.test("a problem shows no control characters, for it may be read in a terminal", () => {
  for (const problem of problemsOf('log: {level: "\\u001b[31m\\u202e"}\n"a\\nb\\u0007": 1\n')) {
    // deno-lint-ignore no-control-regex -- what must not be there
    assert.doesNotMatch(problem, /[\u0000-\u001f\u007f-\u009f\u202e]/);
  }
});

Deno.test("a long value is cut", () => {
  assert.match(problemsOf(`log: {level: ${"x".repeat(5_000)}}`).join(), /^.{1,250}$/);
});
