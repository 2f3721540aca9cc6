import assert from "node:assert/strict";
import { mappingSchema } from "../../src/config/mapping_schema.ts";
import type { BusRecord } from "../../src/model/bus_record.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";

const record = (value: string): BusRecord => ({
  offset: 7n,
  timestampMs: 1_767_225_600_000,
  key: null,
  value: new TextEncoder().encode(value),
  headers: new Map(),
});

Deno.test("mapRecord sends what a rule lists, to its scopes, and nothing else", () => {
  const mappings = mappingSchema.parse({
    rules: [{
      name: "progress",
      source: "tasks",
      when: { type: "task.progress" },
      event: "task.progress-updated",
      scope: ["user:{user_id}", "novel:{novel.id}"],
      audience: "user:{user_id}",
      fields: {
        taskId: "task_id",
        progress: { from: "progress", as: "number" },
        novel: { from: "novel", fields: { title: "title" } },
      },
      conflationKey: "{task_id}",
      priority: "low",
      time: "at",
      validate: true,
    }],
  });
  const pipeline = createPipeline({ mappings, formats: new Map([["tasks", "auto"]]) });
  const outcome = pipeline.mapRecord(
    "tasks",
    record(
      '{"type":"task.progress","task_id":"t1","user_id":42,"progress":"40","novel":{"id":"n1","title":"A","secret":"x"},"at":"2026-01-01T00:00:00Z"}',
    ),
    0,
  );
  assert.equal(outcome.kind, "messages", JSON.stringify(outcome));
  if (outcome.kind !== "messages") return;
  assert.deepEqual(outcome.messages.map((message) => message.scope), ["user:42", "novel:n1"]);
  assert.deepEqual(outcome.messages[0]?.data, { taskId: "t1", progress: 40, novel: { title: "A" } });
  assert.equal(outcome.messages[0]?.time, "2026-01-01T00:00:00.000Z");
  assert.deepEqual(outcome.messages[0]?.audience, ["user:42"]);
});
