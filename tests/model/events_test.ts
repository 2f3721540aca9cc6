import assert from "node:assert/strict";
import { EVENT_SCHEMAS, type EventMap, type TaskProgressEvent } from "../../src/model/events.ts";
import { isEventName } from "../../src/model/event_name.ts";

/** The smallest data of each event, and the type check that clients rely on. */
const SMALLEST: EventMap = {
  "task.progress-updated": { taskId: "t1", progress: 40 },
  "task.status-changed": { taskId: "t1", status: "running" },
  "system.notification-sent": { notificationId: "n1", level: "info", title: "Hello" },
  "content.updated": { contentType: "chapter", contentId: "c1", novelId: "7", revision: 2 },
  "stream.failed": { code: "internal", message: "m", retryable: true },
};

Deno.test("EVENT_SCHEMAS: names are of the form, and the gateway's own is reserved", () => {
  const names = Object.keys(EVENT_SCHEMAS);
  assert.deepEqual(names.filter((name) => !isEventName(name)), ["stream.failed"]);
  assert.deepEqual(names, Object.keys(SMALLEST));
});

Deno.test("EVENT_SCHEMAS: take the smallest data and fields that a later version may add", () => {
  for (const [name, schema] of Object.entries(EVENT_SCHEMAS)) {
    const data = new Map<string, object>(Object.entries(SMALLEST)).get(name);
    assert.deepEqual(schema.parse({ ...data, later: 1 }), { ...data, later: 1 });
    assert.ok(!schema.safeParse({}).success, name);
  }
});

Deno.test("EVENT_SCHEMAS: refuse values outside their range", () => {
  const progress: TaskProgressEvent = SMALLEST["task.progress-updated"];
  for (
    const wrong of [{ progress: -1 }, { progress: 101 }, { progress: Number.NaN }, { progress: "40" }, { taskId: "" }]
  ) {
    assert.ok(
      !EVENT_SCHEMAS["task.progress-updated"].safeParse({ ...progress, ...wrong }).success,
      JSON.stringify(wrong),
    );
  }
  assert.ok(!EVENT_SCHEMAS["task.status-changed"].safeParse({ taskId: "t", status: "lost" }).success);
  assert.ok(!EVENT_SCHEMAS["content.updated"].safeParse({ ...SMALLEST["content.updated"], revision: 1.5 }).success);
});
