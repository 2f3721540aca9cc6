import { z } from "zod";

/**
 * The concrete events that ship with the gateway. One map from name to schema: the documents, and the checks that
 * rules (`validate`) and publishing (`publish.validate`) may ask for, read it; a test holds the client's types equal to it.
 */
export const EVENT_SCHEMAS = {
  /** A long task advanced. Low priority by nature: only the newest value of a task matters. */
  "task.progress-updated": z.looseObject({
    taskId: z.string().min(1),
    progress: z.number().min(0).max(100).describe("percent done"),
    stage: z.string().optional(),
    message: z.string().optional(),
    novelId: z.string().optional(),
  }),
  /** A task was queued, started, finished, failed or cancelled. */
  "task.status-changed": z.looseObject({
    taskId: z.string().min(1),
    status: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    previousStatus: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]).optional(),
    message: z.string().optional(),
    novelId: z.string().optional(),
  }),
  /** Something a person should be told. */
  "system.notification-sent": z.looseObject({
    notificationId: z.string().min(1),
    level: z.enum(["info", "warning", "critical"]),
    title: z.string(),
    body: z.string().optional(),
    link: z.string().optional(),
  }),
  /** A novel, chapter or other piece of content has a new revision. It names what changed, never the content. */
  "content.updated": z.looseObject({
    contentType: z.enum(["novel", "chapter", "character", "outline"]),
    contentId: z.string().min(1),
    novelId: z.string().min(1),
    revision: z.number().int().min(0),
    changedFields: z.array(z.string()).optional(),
    updatedBy: z.string().optional(),
  }),
  /** Something the client should know broke; written by the gateway alone, never internals. */
  "stream.failed": z.looseObject({
    code: z.string().min(1),
    message: z.string(),
    retryable: z.boolean(),
  }),
} as const;

/** Event name → the type of its `data`: what its schema's `parse` gives, so that no type of zod's stands in a client's way. */
export type EventMap = { [Name in keyof typeof EVENT_SCHEMAS]: ReturnType<(typeof EVENT_SCHEMAS)[Name]["parse"]> };

/** `task.progress-updated` */
export type TaskProgressEvent = EventMap["task.progress-updated"];
/** `task.status-changed` */
export type TaskStatusChangeEvent = EventMap["task.status-changed"];
/** `system.notification-sent` */
export type SystemNotificationEvent = EventMap["system.notification-sent"];
/** `content.updated` */
export type ContentUpdateEvent = EventMap["content.updated"];
/** `stream.failed` */
export type SSEErrorEvent = EventMap["stream.failed"];
