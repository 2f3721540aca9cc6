/**
 * The events that ship with the gateway: name → type of `data`. Written out, because what ships to browsers imports nothing
 * of the gateway; a test holds it equal to what the gateway checks. A newer gateway may add fields.
 */
export interface EventMap {
  /** A long task advanced; only the newest value of a task matters. */
  "task.progress-updated": Open<{
    taskId: string;
    /** Percent done, 0 to 100. */
    progress: number;
    stage?: string | undefined;
    message?: string | undefined;
    novelId?: string | undefined;
  }>;
  /** A task was queued, started, finished, failed or cancelled. */
  "task.status-changed": Open<{
    taskId: string;
    status: TaskStatus;
    previousStatus?: TaskStatus | undefined;
    message?: string | undefined;
    novelId?: string | undefined;
  }>;
  /** Something a person should be told. */
  "system.notification-sent": Open<{
    notificationId: string;
    level: "info" | "warning" | "critical";
    title: string;
    body?: string | undefined;
    link?: string | undefined;
  }>;
  /** A piece of content has a new revision; it names what changed, never the content. */
  "content.updated": Open<{
    contentType: "novel" | "chapter" | "character" | "outline";
    contentId: string;
    novelId: string;
    revision: number;
    changedFields?: string[] | undefined;
    updatedBy?: string | undefined;
  }>;
  /** Something the client should know broke. */
  "stream.failed": Open<{ code: string; message: string; retryable: boolean }>;
}

/** How far a task is. */
export type TaskStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** The named fields, and others that may come in later versions. */
export type Open<Fields> = Fields & { [field: string]: unknown };
