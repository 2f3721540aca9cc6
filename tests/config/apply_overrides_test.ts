import assert from "node:assert/strict";
import { settingTemplates, variableName } from "../../src/config/setting_template.ts";
import { configSchema } from "../../src/config/schema.ts";
import { configOf, problemsOf } from "./resolve.ts";

const flag = (path: string, value: string) => ({ flag: "--set", path, value });

Deno.test("a flag holds over a variable, a variable over the file, the file over the default", () => {
  const file = "streams: {heartbeat: 10s}";
  const env = { TIDEGATE_STREAMS_HEARTBEAT: "20s" };
  assert.equal(configOf("").streams.heartbeatMs, 15_000);
  assert.equal(configOf(file).streams.heartbeatMs, 10_000);
  assert.equal(configOf(file, { env }).streams.heartbeatMs, 20_000);
  assert.equal(configOf(file, { env, flags: [flag("streams.heartbeat", "30s")] }).streams.heartbeatMs, 30_000);
});

Deno.test("a variable reaches nested settings and gives them their type", () => {
  const config = configOf("", {
    env: {
      TIDEGATE_STREAMS_SEND_QUEUE_MAX_FRAMES: "77",
      TIDEGATE_METRICS_ENABLED: "false",
      TIDEGATE_SERVER_CORS_ORIGINS: "https://a.example,https://b.example",
      TIDEGATE_STREAMS_LIFETIME_JITTER: "0.1",
    },
  });
  assert.equal(config.streams.sendQueue.maxFrames, 77);
  assert.equal(config.metrics.enabled, false);
  assert.deepEqual(config.server.corsOrigins, ["https://a.example", "https://b.example"]);
  assert.equal(config.streams.lifetimeJitter, 0.1);
});

Deno.test("a variable reaches a named source, also one with separators in its name, and makes a new one", () => {
  const config = configOf("sources: {my-tasks.v1: {kafka: {brokers: [a:1], topic: t}}}", {
    env: {
      TIDEGATE_SOURCES_MY_TASKS_V1_KAFKA_TOPIC: "other",
      TIDEGATE_SOURCES_MORE_REDIS_URL: "redis://r:6379",
      TIDEGATE_SOURCES_MORE_REDIS_STREAMS: "a,b",
    },
  });
  assert.deepEqual(Object.keys(config.sources), ["my-tasks.v1", "more"]);
  const { "my-tasks.v1": tasks, more } = config.sources;
  assert(tasks?.kind === "kafka" && more?.kind === "redis");
  assert.equal(tasks.kafka.topic, "other");
  assert.deepEqual(more.redis.streams, ["a", "b"]);
});

Deno.test("a variable for the default source changes that one", () => {
  const config = configOf("", { env: { TIDEGATE_SOURCES_EVENTS_EMBEDDED_PATH: "data/log.db" } });
  assert(config.sources.events?.kind === "embedded");
  assert.equal(config.sources.events.embedded.path, "data/log.db");
  assert.equal(config.sources.events.format, "tidegate");
  assert.equal(config.publish.source, "events");
});

Deno.test("a variable reaches an item of a list by its index, and appends the next one", () => {
  const secret = "0123456789abcdef0123456789abcdef";
  const config = configOf("auth: {issuers: [{issuer: a, secret: old-old-old-old-old-old-old-old-old}]}", {
    env: {
      TIDEGATE_AUTH_ISSUERS_0_SECRET: secret,
      TIDEGATE_AUTH_ISSUERS_1_ISSUER: "b",
      TIDEGATE_AUTH_ISSUERS_1_SECRET: secret,
    },
  });
  assert.deepEqual(config.auth.issuers.map(({ issuer }) => issuer), ["a", "b"]);
  assert(config.auth.issuers[0]?.keys[0]?.kind === "secret");
  assert.equal(config.auth.issuers[0].keys[0].secret, secret);
});

Deno.test("an unknown variable of ours is refused with a suggestion; those of others and of the tests are not", () => {
  assert.deepEqual(problemsOf("", { env: { TIDEGATE_STREAMS_HARTBEAT: "1s" } }), [
    "TIDEGATE_STREAMS_HARTBEAT: is the variable of no setting; did you mean TIDEGATE_STREAMS_HEARTBEAT?",
  ]);
  const others = { TIDEGATE_CONFIG: "x", TIDEGATE_TEST_REDIS_URL: "x", TIDEGATE_DEVELOPMENT_SECRET: "x", HOME: "/" };
  assert.deepEqual(problemsOf("", { env: others }), []);
});

Deno.test("a bad value is refused by the variable or flag that gave it", () => {
  assert.deepEqual(problemsOf("", { env: { TIDEGATE_SERVER_PORT: "http" }, flags: [flag("log.level", "loud")] }), [
    'TIDEGATE_SERVER_PORT: server.port must be a whole number from 0 to 65535; it is "http"',
    '--set: log.level must be one of debug, info, warning, error; it is "loud"',
  ]);
});

Deno.test("a flag that names no setting, or a whole section, is refused with a suggestion", () => {
  assert.match(problemsOf("", { flags: [flag("streams.hartbeat", "1s")] }).join(), /did you mean streams\.heartbeat\?/);
  assert.match(problemsOf("", { flags: [flag("streams", "{}")] }).join(), /is no setting that can be given as text/);
  assert.match(problemsOf("", { flags: [flag("sources.__proto__.format", "json")] }).join(), /is no setting/);
});

Deno.test("a flag reaches a source whose name has dots", () => {
  const config = configOf("sources: {a.b: {embedded: {}}}", { flags: [flag("sources.a.b.embedded.partitions", "4")] });
  assert(config.sources["a.b"]?.kind === "embedded");
  assert.equal(config.sources["a.b"].embedded.partitions, 4);
});

Deno.test("every setting has a variable of its own", () => {
  const names = settingTemplates(configSchema).map(({ path }) => variableName(path));
  assert.equal(new Set(names).size, names.length);
  assert(names.includes("TIDEGATE_STREAMS_SEND_QUEUE_MAX_FRAMES"));
});
