/** A long job of a writer's assistant. */
export interface Task {
  readonly id: string;
  readonly title: string;
  readonly status: "running" | "succeeded";
  /** Percent. */
  readonly progress: number;
}

/** A chapter of the novel, as the page lists it. */
export interface Chapter {
  readonly id: string;
  readonly title: string;
  readonly words: number;
  readonly revision: number;
}

/** One event for the gateway: `POST /api/v1/events`. */
export interface OutgoingEvent {
  readonly event: string;
  readonly scope: string;
  readonly data: unknown;
}

const TITLES = ["Loomings", "The Carpet-Bag", "The Spouter-Inn", "The Counterpane", "Breakfast", "The Street"];
const STEP_PERCENT = 4;

/** The application's data, in memory: tasks write chapters, and each change is said to the gateway. */
export class Desk {
  readonly #publish: (events: readonly OutgoingEvent[]) => void;
  readonly #tasks = new Map<string, Task>();
  readonly #chapters = new Map<string, Chapter>();

  constructor(publish: (events: readonly OutgoingEvent[]) => void) {
    this.#publish = publish;
  }

  get tasks(): readonly Task[] {
    return [...this.#tasks.values()].reverse();
  }

  get chapters(): readonly Chapter[] {
    return [...this.#chapters.values()];
  }

  /** Begins to write the next chapter. */
  start(): Task {
    const number = this.#tasks.size + 1;
    const title = `Chapter ${number}: ${TITLES[(number - 1) % TITLES.length]}`;
    const task: Task = { id: `t${number}`, title, status: "running", progress: 0 };
    this.#tasks.set(task.id, task);
    this.#publish([{ event: "task.status-changed", scope: "user:ada", data: { taskId: task.id, status: "running" } }]);
    return task;
  }

  /** Every running task advances a little. */
  step(): void {
    for (const task of this.#tasks.values()) if (task.status === "running") this.#advance(task);
  }

  #advance(before: Task): void {
    const progress = Math.min(100, before.progress + STEP_PERCENT);
    const task: Task = { ...before, progress, status: progress === 100 ? "succeeded" : "running" };
    this.#tasks.set(task.id, task);
    const events = [{ event: "task.progress-updated", scope: "user:ada", data: { taskId: task.id, progress } }];
    this.#publish(progress === 100 ? [...events, ...this.#finish(task)] : events);
  }

  #finish({ id, title }: Task): readonly OutgoingEvent[] {
    const chapterId = id.replace("t", "c");
    const words = 800 + Math.round(Math.random() * 1_200);
    this.#chapters.set(chapterId, { id: chapterId, title, words, revision: 1 });
    return [
      { event: "task.status-changed", scope: "user:ada", data: { taskId: id, status: "succeeded" } },
      {
        event: "content.updated",
        scope: "novel:moby",
        data: { contentType: "chapter", contentId: chapterId, novelId: "moby", revision: 1 },
      },
      {
        event: "system.notification-sent",
        scope: "user:ada",
        data: { notificationId: `n-${id}`, level: "info", title: `${title} is written` },
      },
    ];
  }
}
