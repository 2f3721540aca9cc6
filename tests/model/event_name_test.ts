import assert from "node:assert/strict";
import { eventMatches, isEventName, isEventPattern, MAX_EVENT_NAME_LENGTH } from "../../src/model/event_name.ts";

Deno.test("isEventName: takes domain.action-past", () => {
  for (const name of ["task.progress-updated", "a.b", "system2.notification-sent", "a-b.c-d-e"]) {
    assert.ok(isEventName(name), name);
  }
});

Deno.test("isEventName: refuses reserved names and everything that is not of the form", () => {
  const refused = [
    "",
    "error",
    "open",
    "message",
    "stream.opened",
    "stream.x",
    "task",
    "task.",
    ".x",
    "Task.x",
    "task.X",
  ];
  const broken = [
    "a.b.c",
    "a..b",
    "a.-b",
    "a.b-",
    "a.b\n",
    "a.b c",
    "a.*",
    "tâsk.x",
    `a.${"b".repeat(MAX_EVENT_NAME_LENGTH)}`,
  ];
  for (const name of [...refused, ...broken]) assert.ok(!isEventName(name), JSON.stringify(name));
});

Deno.test("isEventPattern: a name, or all of a domain", () => {
  for (const pattern of ["task.progress-updated", "task.*", "stream.*"]) assert.ok(isEventPattern(pattern), pattern);
  for (const pattern of ["*", "*.*", "task.p*", "task*", "task.*.x", ".*", "Task.*", ""]) {
    assert.ok(!isEventPattern(pattern), pattern);
  }
});

Deno.test("eventMatches: the exact name, or any name of the domain and of no longer one", () => {
  assert.ok(eventMatches("task.*", "task.done"));
  assert.ok(eventMatches("task.done", "task.done"));
  assert.ok(!eventMatches("task.*", "tasks.done"));
  assert.ok(!eventMatches("task.do", "task.done"));
});
