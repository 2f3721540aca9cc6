import type { EventBus } from "../bus/event_bus.ts";
import { parseScope, type Scope } from "../model/scope.ts";
import type { EventMap } from "../model/events.ts";
import { encodeNativeRecord, type NativeRecord } from "../pipeline/native_record.ts";

/** Who the demo's events are for; the development token holds these scopes. */
export const DEMO_SCOPES = ["user:demo", "novel:moby", "global"] as const;

const STEPS = 20;
const CHAPTERS = ["Loomings", "The Carpet-Bag", "The Spouter-Inn", "The Counterpane", "Breakfast"];
const encoder = new TextEncoder();

/**
 * Makes events flow on a laptop: a task that writes a chapter advances step by step, the chapter changes when it is done, now
 * and then everyone gets a notification. Ends with the signal; a publish that fails is tried at the next step.
 */
export function startDemo(bus: EventBus, intervalMs: number, signal: AbortSignal): void {
  let step = 0;
  const timer = setInterval(() => {
    const events = eventsOf(step++);
    bus.publish(events.map((event) => ({ key: encoder.encode(event.scopes[0]), value: encodeNativeRecord(event) })))
      .catch(() => {});
  }, intervalMs);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

function eventsOf(step: number): NativeRecord[] {
  const chapter = Math.floor(step / STEPS);
  const done = step % STEPS;
  const title = CHAPTERS[chapter % CHAPTERS.length] ?? "";
  const taskId = `write-chapter-${chapter + 1}`;
  if (done === 0) {
    return [demoEvent("task.status-changed", "user:demo", { taskId, status: "running", previousStatus: "queued" })];
  }
  const progress = Math.round(done * 100 / (STEPS - 1));
  const advance = demoEvent("task.progress-updated", "user:demo", { taskId, progress, stage: `Writing "${title}"` });
  if (done < STEPS - 1) return [{ ...advance, priority: "low", conflationKey: taskId }];
  return [
    advance,
    demoEvent("task.status-changed", "user:demo", { taskId, status: "succeeded", previousStatus: "running" }),
    demoEvent("content.updated", "novel:moby", {
      contentType: "chapter",
      contentId: `chapter-${chapter + 1}`,
      novelId: "moby",
      revision: chapter + 1,
      changedFields: ["text", "title"],
    }),
    demoEvent("system.notification-sent", "global", {
      notificationId: `n${chapter + 1}`,
      level: "info",
      title: `Chapter ${chapter + 1}, "${title}", is written`,
    }),
  ];
}

function demoEvent<Name extends keyof EventMap>(
  event: Name,
  scope: (typeof DEMO_SCOPES)[number],
  data: EventMap[Name],
): NativeRecord {
  const time = new Date().toISOString();
  return { event, scopes: [checked(scope)], audience: [], data, time, priority: "normal", version: 1 };
}

function checked(text: string): Scope {
  const scope = parseScope(text);
  if (scope === undefined) throw new TypeError(`Cannot use ${JSON.stringify(text)} in the demo: it is no scope`);
  return scope;
}
