import assert from "node:assert/strict";
import { mapped, onlyMessage, pipelineOf, record, rule } from "./mapped.ts";

Deno.test("mapRecord sends what a rule lists, to its scopes, and nothing else", () => {
  const pipeline = pipelineOf({
    rules: [{
      name: "progress",
      source: "s",
      when: { type: "task.progress" },
      event: "task.progress-updated",
      scope: ["user:{user_id}", "novel:{novel.id}"],
      audience: "team:{team}",
      fields: {
        taskId: "task_id",
        progress: { from: "progress", as: "number" },
        novel: { from: "novel", fields: { title: "title" } },
      },
      conflationKey: "{task_id}",
      priority: "low",
      version: 3,
      time: "at",
      validate: true,
    }],
  });
  const outcome = pipeline.mapRecord(
    "s",
    record({
      type: "task.progress",
      task_id: "t1",
      user_id: 42,
      progress: "40",
      team: "x",
      novel: { id: "n1", title: "A", secret: "y" },
      at: "2026-01-01T00:00:00Z",
      prompt: "private",
    }),
    0,
  );
  assert.equal(outcome.kind, "messages", JSON.stringify(outcome));
  if (outcome.kind !== "messages") return;
  assert.equal(outcome.rule, "progress");
  assert.deepEqual(outcome.messages.map(({ scope }) => scope), ["user:42", "novel:n1"]);
  for (const message of outcome.messages) {
    assert.deepEqual({ ...message, scope: "" }, {
      event: "task.progress-updated",
      data: { taskId: "t1", progress: 40, novel: { title: "A" } },
      id: undefined,
      retry: undefined,
      scope: "",
      version: 3,
      time: "2026-01-01T00:00:00.000Z",
      audience: ["team:x"],
      priority: "low",
      conflationKey: "t1",
    });
  }
});

Deno.test("mapRecord takes the first rule that matches", () => {
  const pipeline = pipelineOf({
    rules: [
      { name: "noise", source: "s", when: { type: ["ping", "pong"] }, drop: true },
      rule({ name: "first", when: { type: "a", "user.id": { exists: true } } }),
      rule({ name: "second", when: { type: "a", "user.id": { exists: false }, live: true, "items.1": 2 } }),
      rule({ name: "third", when: { "$header.kind": "x", $key: "k" } }),
    ],
  });
  const by = (value: unknown, rest = {}) => {
    const outcome = pipeline.mapRecord("s", record(value, rest), 0);
    return outcome.kind === "messages" ? outcome.rule : outcome.kind === "dropped" ? outcome.by : outcome.reason;
  };
  assert.equal(by({ type: "pong" }), "rule:noise");
  assert.equal(by({ type: "a", user: { id: 0 } }), "first");
  assert.equal(by({ type: "a", user: { id: null }, live: true, items: [1, 2] }), "second");
  assert.equal(by({ type: "a", live: "true", items: [1, 2] }), "no-rule");
  assert.equal(by({ type: ["a"], user: { id: 1 } }), "no-rule");
  assert.equal(by({}, { key: "k", headers: { kind: "x" } }), "third");
  for (const value of [[], "", 0, null, true]) assert.equal(by(JSON.stringify(value)), "no-rule");
});

Deno.test("mapRecord drops or dead-letters what no rule matches, as configured", () => {
  const rules = [rule({ when: { a: 1 } })];
  assert.deepEqual(pipelineOf({ rules }).mapRecord("s", record({}), 0), {
    kind: "dead-letter",
    reason: "no-rule",
    detail: "no rule of its source matches the record",
  });
  assert.deepEqual(pipelineOf({ rules, unmatched: "drop" }).mapRecord("s", record({}), 0), {
    kind: "dropped",
    by: "unmatched",
  });
  assert.equal(pipelineOf({ rules }).mapRecord("other", record({}), 0).kind, "dead-letter");
});

Deno.test("mapRecord finds the event by the table, and dead-letters what the table does not have", () => {
  const event = { from: "type", table: { made: "thing.made", toString: "thing.named", "7": "thing.counted" } };
  const name = (value: unknown) => onlyMessage(mapped({ event }, value)).event;
  assert.equal(name({ type: "made" }), "thing.made");
  assert.equal(name({ type: "toString" }), "thing.named");
  assert.equal(name({ type: 7 }), "thing.counted");
  for (const type of ["constructor", "", null, ["made"], {}, undefined]) {
    const outcome = mapped({ event }, { type });
    assert.equal(outcome.kind === "dead-letter" && outcome.reason, "unknown-event");
  }
  const withDefault = { ...event, default: "thing.happened" };
  assert.equal(onlyMessage(mapped({ event: withDefault }, { type: "x\nevent: y" })).event, "thing.happened");
});

Deno.test("mapRecord takes the time from the field, else the envelope, else the record", () => {
  assert.equal(onlyMessage(mapped({}, {})).time, "2026-01-01T00:00:00.000Z");
  assert.equal(onlyMessage(mapped({ time: "at" }, { at: 1 })).time, "1970-01-01T00:00:00.001Z");
  for (const at of [undefined, null, "yesterday", -1, 1e20, [], "2026-13-01T00:00:00Z"]) {
    const outcome = mapped({ time: "at" }, { at });
    assert.equal(outcome.kind === "dead-letter" && outcome.reason, "missing-time", JSON.stringify(at));
  }
  const pipeline = pipelineOf({ rules: [rule()] });
  for (const timestampMs of [-1, NaN, Infinity, 9e15]) {
    const outcome = pipeline.mapRecord("s", { ...record({}), timestampMs }, 0);
    assert.equal(outcome.kind === "dead-letter" && outcome.reason, "missing-time");
  }
});

Deno.test("mapRecord dead-letters data that does not fit the event's built-in schema, when asked to", () => {
  const changes = { event: "task.progress-updated", fields: { taskId: "id", progress: "p" } };
  const data = { id: "t", p: 101 };
  assert.equal(mapped(changes, data).kind, "messages");
  const outcome = mapped({ ...changes, validate: true }, data);
  assert.equal(outcome.kind === "dead-letter" && outcome.reason, "schema-mismatch");
  assert.match(outcome.kind === "dead-letter" ? outcome.detail : "", /^task\.progress-updated: progress: /);
});

Deno.test("mapRecord leaves out a conflation key that is missing or too long", () => {
  const key = (value: unknown) => onlyMessage(mapped({ conflationKey: "{a}/{b}" }, value)).conflationKey;
  assert.equal(key({ a: "x", b: 1 }), "x/1");
  assert.equal(key({ a: "x" }), undefined);
  assert.equal(key({ a: "x", b: {} }), undefined);
  assert.equal(key({ a: "x".repeat(300), b: 1 }), undefined);
});

Deno.test("mapRecord withholds tombstones, and dead-letters what is too large, not UTF-8 or not JSON", () => {
  const reason = (value: unknown, mappings = {}) => {
    const outcome = pipelineOf({ rules: [rule()], ...mappings }).mapRecord("s", record(value), 0);
    return outcome.kind === "messages" ? "mapped" : outcome.kind === "dropped" ? outcome.by : outcome.reason;
  };
  assert.equal(reason(null), "tombstone");
  assert.equal(reason(new Uint8Array()), "not-json");
  assert.equal(reason(Uint8Array.of(0x22, 0xff, 0x22)), "not-utf8");
  assert.equal(reason(Uint8Array.of(0x22, 0xc3, 0x22)), "not-utf8");
  assert.equal(reason(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)), "not-utf8");
  assert.equal(reason(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)), "mapped");
  for (const text of ["{", "{}{}", "NaN", "{'a':1}", "undefined", "\u0000", "{}\u0000", '{"a":1,}', "01"]) {
    assert.equal(reason(text), "not-json", text);
  }
  assert.equal(reason(" ".repeat(1_022) + "{}"), "mapped");
  assert.equal(reason(" ".repeat(1_023) + "{}", { maxRecord: "1KiB" }), "too-large");
  assert.equal(reason(`{"a":"${"x".repeat(1_048_576)}"}`), "mapped");
});

Deno.test("mapRecord counts the last of two equal keys, for the scope and for the data alike", () => {
  const text = '{"user":"a","user":"b"}';
  const message = onlyMessage(mapped({ scope: "user:{user}", fields: { user: "user" } }, text));
  assert.equal(message.scope, "user:b");
  assert.deepEqual(message.data, { user: "b" });
});

Deno.test("mapBatch gives an outcome for each record, in their order, whatever is between them", () => {
  const pipeline = pipelineOf({ rules: [rule({ scope: "user:{u}" })] });
  const outcomes = pipeline.mapBatch("s", 3, [
    record({ u: 1 }),
    record("{"),
    record({}),
    record(null),
    record({ u: 2 }),
  ]);
  assert.deepEqual(outcomes.map((outcome) => outcome.kind), [
    "messages",
    "dead-letter",
    "dropped",
    "dropped",
    "messages",
  ]);
});
