import assert from "node:assert/strict";
import fc from "fast-check";
import { configSchema } from "../../src/config/schema.ts";
import type { Scope } from "../../src/model/scope.ts";
import { parseScope } from "../../src/model/scope.ts";
import { createEventEncoder } from "../../src/pipeline/event_encoder.ts";
import type { NativeRecord } from "../../src/pipeline/native_record.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import { encodeFrame } from "../../src/wire/frame.ts";

const MAX_FRAME_BYTES = 1_024;
const MAX_DEPTH = 8;
const { mappings } = configSchema.parse({ mappings: { maxDepth: MAX_DEPTH } });
const PIPELINE = createPipeline({ mappings, formats: new Map([["published", "tidegate"]]) });
const encode = createEventEncoder(PIPELINE, "published", MAX_FRAME_BYTES);

function eventOf(data: unknown): NativeRecord {
  return {
    event: "a.b",
    scopes: [globalScope()],
    audience: [],
    data,
    time: "2026-01-01T00:00:00.000Z",
    priority: "normal",
    version: 1,
  };
}

function globalScope(): Scope {
  const scope = parseScope("global");
  assert.ok(scope !== undefined);
  return scope;
}

function nested(depth: number): unknown {
  return JSON.parse("[".repeat(depth) + "]".repeat(depth));
}

function refusalOf(data: unknown): string {
  const encoded = encode(eventOf(data));
  return encoded.kind === "undeliverable" ? encoded.reason : encoded.kind;
}

Deno.test("createEventEncoder: refuses what the pipeline would withhold or no frame could carry, at the limit exactly", () => {
  assert.equal(refusalOf(nested(MAX_DEPTH)), "record");
  assert.equal(refusalOf(nested(MAX_DEPTH + 1)), "too-deep");
  assert.equal(refusalOf(nested(200_000)), "too-deep");
  assert.equal(refusalOf(JSON.stringify(nested(MAX_DEPTH + 1))), "too-deep");
  const overhead = recordBytes("");
  assert.equal(refusalOf("x".repeat(MAX_FRAME_BYTES - overhead)), "record");
  assert.equal(refusalOf("x".repeat(MAX_FRAME_BYTES - overhead + 1)), "too-large");
});

Deno.test("createEventEncoder: whatever it takes becomes one frame within the limit", () => {
  const anyData = fc.oneof(fc.jsonValue({ maxDepth: 12 }), fc.string({ unit: "binary", maxLength: 1_200 }));
  fc.assert(
    fc.property(anyData, (data) => {
      const encoded = encode(eventOf(data));
      if (encoded.kind === "undeliverable") return;
      const record = { offset: 0n, timestampMs: 0, key: null, value: encoded.value, headers: new Map() };
      const outcome = PIPELINE.mapRecord("published", record, 0);
      assert.equal(outcome.kind, "messages");
      if (outcome.kind !== "messages") return;
      for (const message of outcome.messages) {
        const { bytes, bodyStart } = encodeFrame(message, "c", { seq: 1, sourceIndex: 0, partition: 0, offset: 0n });
        assert.ok(bytes.length - bodyStart <= MAX_FRAME_BYTES, `${bytes.length - bodyStart} bytes`);
      }
    }),
    { numRuns: 2_000 },
  );
});

function recordBytes(data: unknown): number {
  const encoded = encode(eventOf(data));
  assert.equal(encoded.kind, "record");
  return encoded.kind === "record" ? encoded.value.length : 0;
}
