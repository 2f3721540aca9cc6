import assert from "node:assert/strict";
import fc from "fast-check";
import { parseScope, type Scope } from "../../src/model/scope.ts";
import { PRIORITIES } from "../../src/model/sse_message.ts";
import { parseExactJSON, stringifyExact } from "../../src/pipeline/exact_json.ts";
import { decodeNativeRecord, encodeNativeRecord, type NativeRecord } from "../../src/pipeline/native_record.ts";
import { onlyMessage, pipelineOf, record } from "./mapped.ts";

const DECODER = new TextDecoder();

function scope(text: string): Scope {
  const parsed = parseScope(text);
  assert(parsed !== undefined);
  return parsed;
}

const RECORD: NativeRecord = {
  event: "novel.presence-changed",
  scopes: [scope("novel:7")],
  audience: [],
  data: { readers: 3 },
  time: "2026-01-01T00:00:00.000Z",
  priority: "normal",
  version: 1,
};

Deno.test("decodeNativeRecord gives back what encodeNativeRecord wrote, for any record", () => {
  const scopes = fc.uniqueArray(fc.constantFrom("global", "user:1", "novel:a:b", "session:é").map(scope), {
    maxLength: 3,
  });
  const data = fc.jsonValue({ maxDepth: 3 }).chain((value) =>
    fc.constantFrom(value, { value }, { value, big: 2n ** 64n })
  );
  fc.assert(fc.property(
    fc.record({
      event: fc.constantFrom("a.b", "task.progress-updated"),
      scopes: scopes.filter(({ length }) => length > 0),
      audience: scopes,
      data,
      time: fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true }).map((date) =>
        date.toISOString()
      ),
      priority: fc.constantFrom(...PRIORITIES),
      version: fc.integer({ min: 1 }),
      conflationKey: fc.string({ minLength: 1, maxLength: 16, unit: "binary" }),
    }, { requiredKeys: ["event", "scopes", "audience", "data", "time", "priority", "version"] }),
    (native) => {
      const decoded = decodeNativeRecord(parseExactJSON(DECODER.decode(encodeNativeRecord(native))), 10);
      assert.equal(stringifyExact(decoded), stringifyExact({ ...native }));
    },
  ));
});

Deno.test("decodeNativeRecord refuses whatever is not exactly a native record", () => {
  const broken: [string, unknown][] = [
    ["is no object", []],
    ["is no object", null],
    ["has an unknown member", { retry: 0 }],
    ["has an unknown member", { id: "x" }],
    ["has no valid event", { event: "error" }],
    ["has no valid event", { event: "stream.opened" }],
    ["has no valid event", { event: "a.b\nid: 1" }],
    ["needs either scope or scopes", { scopes: ["global"] }],
    ["has no valid scopes", { scope: "user:*" }],
    ["has no valid scopes", { scope: ["global"] }],
    ["has no valid scopes", { scope: undefined, scopes: [] }],
    ["has no valid audience", { audience: "global" }],
    ["has no valid audience", { audience: ["user:"] }],
    ["has no valid time", { time: "now" }],
    ["has no valid priority", { priority: "urgent" }],
    ["has no valid version", { version: 0 }],
    ["has no valid version", { version: 1.5 }],
    ["has no valid conflationKey", { conflationKey: "" }],
    ["has too long a conflationKey", { conflationKey: "x".repeat(257) }],
  ];
  const written = JSON.parse(DECODER.decode(encodeNativeRecord(RECORD)));
  for (const [problem, change] of broken) {
    const content = Array.isArray(change) || change === null ? change : { ...written, ...change as object };
    if (typeof change === "object" && change !== null && "scope" in change && change.scope === undefined) {
      delete content.scope;
    }
    const decoded = decodeNativeRecord(content, 10);
    assert(typeof decoded === "string" && decoded.startsWith(problem), `${JSON.stringify(change)}: ${String(decoded)}`);
  }
  assert.equal(decodeNativeRecord({ ...written, scope: undefined }, 10), "has no valid scopes");
});

Deno.test("mapRecord of a source of the format tidegate sends what was published, less sensitive names", () => {
  const native = {
    ...RECORD,
    scopes: [scope("user:1"), scope("user:2")],
    data: { readers: 2n ** 53n + 1n, user: { email: "canary" } },
  };
  const outcome = pipelineOf({}, "tidegate").mapRecord("s", record(encodeNativeRecord(native)), 0);
  assert(outcome.kind === "messages");
  assert.equal(outcome.rule, "published");
  assert.deepEqual(outcome.messages.map((message) => message.scope), ["user:1", "user:2"]);
  assert.equal(JSON.stringify(outcome.messages[0]?.data), '{"readers":9007199254740993,"user":{}}');
  const exposed = pipelineOf({ exposePublished: true }, "tidegate").mapRecord(
    "s",
    record(encodeNativeRecord(RECORD)),
    0,
  );
  assert.deepEqual(onlyMessage(exposed).data, { readers: 3 });
});

Deno.test("mapRecord of a source of the format tidegate dead-letters anything else", () => {
  for (const value of [{}, [], "1", { event: "a.b", scope: "global" }]) {
    const outcome = pipelineOf({}, "tidegate").mapRecord("s", record(value), 0);
    assert.equal(outcome.kind === "dead-letter" && outcome.reason, "invalid-envelope");
  }
});
