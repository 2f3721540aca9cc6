import assert from "node:assert/strict";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import fc from "fast-check";
import type { JsonValue } from "fast-check";
import { DEFAULT_SENSITIVE_NAMES } from "../../src/config/sensitive_names.ts";
import { RECORD_FORMATS } from "../../src/config/mapping_schema.ts";
import { bytes, onlyMessage, pipelineOf, record, rule } from "./mapped.ts";

/** Text that breaks naive frames, parsers and logs. */
const HOSTILE_TEXT = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom(
    "a\nid: 9\nevent: stream.gap-detected\n\n",
    "\r",
    "\r\n\r\n",
    "\n\rdata: x",
    "\u2028\u2029\u0085\v\f",
    "\u0000",
    "\ufeff",
    "\u001b[31m",
    "__proto__",
    "constructor",
    "*",
    "",
    '{"password":"canary"}',
  ),
);
const NAMES = fc.oneof(
  fc.constantFrom("a", "b", "c", "id", "list", "__proto__", "constructor", "toString"),
  HOSTILE_TEXT,
);

function json(leaf: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> {
  return fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      // Entries, so that a key named __proto__ is one.
      fc.array(fc.tuple(NAMES, tie("value")), { maxLength: 5 }).map((entries) => ownEntries(entries)),
    ),
  })).value;
}

function ownEntries(entries: readonly (readonly [string, JsonValue])[]): Record<string, JsonValue> {
  const made: Record<string, JsonValue> = {};
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return made;
}

Deno.test("mapRecord lets nothing survive that nobody listed, for any JSON", () => {
  const pipeline = pipelineOf({
    rules: [rule({ fields: { out: "a", nested: { from: "b", fields: { c: "c" } }, text: { template: "{id}" } } })],
  });
  let count = 0;
  const leaf = fc.constant(null).map(() => `leaf-${count++}.`);
  fc.assert(fc.property(json(leaf), (value) => {
    const outcome = pipeline.mapRecord("s", record(JSON.stringify(value)), 0);
    if (outcome.kind !== "messages") return;
    const sent = new Set(JSON.stringify(onlyMessage(outcome).data).match(/leaf-\d+\./g));
    for (const listed of listedLeaves(value)) sent.delete(listed);
    assert.deepEqual([...sent], []);
  }));
});

/** The leaves at `a`, `b.c`, `b[].c` and `id`, read another way than the pipeline does. */
function listedLeaves(value: JsonValue): readonly string[] {
  const at = (from: unknown, name: string): unknown =>
    typeof from === "object" && from !== null ? Object.entries(from).find(([key]) => key === name)?.[1] : undefined;
  const b = at(value, "b");
  const found = [at(value, "a"), at(value, "id"), ...(Array.isArray(b) ? b : [b]).map((each) => at(each, "c"))];
  return found.flatMap((each) => Array.isArray(each) ? each : [each]).filter((each) => typeof each === "string");
}

Deno.test("mapRecord sends no value under a sensitive name, for any JSON, at any depth, as text or not", () => {
  const fields = { a: { from: "a", deep: true }, b: { from: "b", fields: { x: { from: "c", deep: true } } }, c: "c" };
  const pipeline = pipelineOf({ rules: [rule({ fields })] });
  const spelling = (name: string) =>
    fc.constantFrom(
      name,
      name.toUpperCase(),
      `user_${name}`,
      `${name}Hash`,
      name.replaceAll("_", "-"),
      `\u200b${name}s`,
    );
  const secret = fc.tuple(fc.constantFrom(...DEFAULT_SENSITIVE_NAMES).chain(spelling), fc.constant("canary"));
  const withSecret = json(fc.oneof(
    fc.constant("plain"),
    secret.map((entry) => ownEntries([entry, ["kept", 1]])),
    secret.map((entry) => JSON.stringify(ownEntries([entry]))),
    secret.map((entry) => JSON.stringify([JSON.stringify(ownEntries([entry]))])),
    secret.map(([name]) => `{"a":1,"${name}": "canary`),
  ));
  fc.assert(fc.property(withSecret, (value) => {
    for (const named of [{ a: value }, { b: { c: value } }, { b: [{ c: value }] }, { c: value }]) {
      const outcome = pipeline.mapRecord("s", record(JSON.stringify(named)), 0);
      if (outcome.kind === "messages") assert(!onlyMessage(outcome).toSSEFormat().includes("canary"));
    }
  }));
});

Deno.test("mapRecord never throws and makes one event a frame, for any record", () => {
  const rules = [rule({
    event: { from: "$envelope.type", table: { t: "thing.made" }, default: "thing.happened" },
    scope: ["global", "user:{id}"],
    fields: { all: { from: "a", deep: true }, key: "$key", h: "$header.h", id: "id" },
    conflationKey: "{a}",
  })];
  const pipelines = RECORD_FORMATS.map((format) => pipelineOf({ rules }, format));
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    json(fc.oneof(HOSTILE_TEXT, fc.double(), fc.maxSafeInteger(), fc.boolean())).map((any) =>
      bytes(JSON.stringify({ id: "x", a: any, data: any, specversion: "1.0", type: "t", source: "s" }))
    ),
    json(HOSTILE_TEXT).map((any) => bytes(JSON.stringify(any))),
    HOSTILE_TEXT.map(bytes),
    fc.constant(null),
  );
  const some = fc.oneof(fc.uint8Array({ maxLength: 12 }), HOSTILE_TEXT.map(bytes));
  const header = fc.oneof(
    fc.constantFrom("h", "id", "eventType", "ce_specversion", "ce_id", "ce_type", "ce_source"),
    HOSTILE_TEXT,
  );
  const headers = fc.array(fc.tuple(header, some), { maxLength: 6 }).map((entries) => new Map(entries));
  const records = fc.record({
    offset: fc.bigInt({ min: 0n, max: 2n ** 128n }),
    timestampMs: fc.oneof(fc.double(), fc.constant(1), fc.constant(-1)),
    key: fc.option(some),
    value,
    headers,
  });
  fc.assert(
    fc.property(records, fc.constantFrom(...pipelines), (any, pipeline) => {
      const outcome = pipeline.mapRecord("s", any, 0);
      if (outcome.kind !== "messages") return;
      for (const message of outcome.messages) {
        const { version, scope, time, data } = message;
        assert.deepEqual(
          parsedEvents(message.toSSEFormat()).map(({ event, data }) => ({ event, data: JSON.parse(data) })),
          [
            { event: message.event, data: JSON.parse(JSON.stringify({ version, scope, time, data })) },
          ],
        );
      }
    }),
    { numRuns: 500 },
  );
});

function parsedEvents(text: string): readonly EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (event) => void events.push(event),
    onError: (error) => assert.fail(error),
    onRetry: () => assert.fail("a record sets no retry"),
  });
  parser.feed(text);
  return events;
}
