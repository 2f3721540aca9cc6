import "../react/browser.ts";
import { cleanup } from "@testing-library/react";
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { SSEClient } from "../../../src/client/core/mod.ts";
import { type QueryRules, type SyncOptions, syncQueries } from "../../../src/client/query/mod.ts";
import { FakeTransport } from "../core/fake_transport.ts";

/** What the page shows. */
export interface Task {
  readonly id: string;
  readonly progress: number;
}

/** What its events change. */
export const RULES: QueryRules = {
  "task.progress-updated": ({ data }) => ({
    patch: ["task", data.taskId],
    update: (task: Task) => ({ ...task, progress: data.progress }),
    isNewer: (task: Task) => data.progress > task.progress,
  }),
  "task.status-changed": ({ data }) => [{ invalidate: ["task", data.taskId] }, { invalidate: ["tasks"] }],
  "content.updated": ({ data }) => ({
    patch: ["novel", data.contentId],
    update: (title: string) => `${title}!`,
  }),
};

/** A query client whose fetches the test answers, beside a client whose events the test sends. */
export class Page implements Disposable {
  readonly transport = new FakeTransport();
  readonly client = new SSEClient({ url: "http://gateway", storage: "memory", transport: this.transport });
  readonly queries = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 60_000 } } });
  /** Fetches under way, by the text of their key; each is answered once. */
  readonly fetches: { readonly key: string; answer(data: unknown): void }[] = [];
  readonly #stops: (() => void)[] = [];
  #count = 0;

  /** Syncs, and opens the stream; the window that the opening begins is over. Returns what ends the sync. */
  async start(options?: SyncOptions): Promise<() => void> {
    const stop = this.sync(options);
    this.client.open();
    await this.transport.pass();
    this.transport.last.opened();
    await this.transport.pass(options?.windowMs ?? 250);
    return stop;
  }

  /** Syncs. Returns what ends that. */
  sync(options?: SyncOptions): () => void {
    const stop = syncQueries(this.client, this.queries, RULES, options);
    this.#stops.push(stop);
    return stop;
  }

  /** Somebody looks at the query from now on. */
  look(...queryKey: readonly string[]): void {
    const observer = new QueryObserver(this.queries, { queryKey, queryFn: () => this.#fetch(queryKey) });
    this.#stops.push(observer.subscribe(() => {}));
  }

  #fetch(queryKey: readonly string[]): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.fetches.push({ key: queryKey.join(" "), answer: resolve });
    return promise;
  }

  /** Answers the newest fetch. */
  async answer(data: unknown): Promise<void> {
    this.fetches.at(-1)?.answer(data);
    await this.transport.pass();
  }

  async event(name: string, data: unknown): Promise<void> {
    const envelope = { version: 1, scope: "user:1", time: "2026-01-01T00:00:00.000Z", data };
    this.transport.last.push({ id: `s:0:${++this.#count}~a`, event: name, data: JSON.stringify(envelope) });
    await this.transport.pass();
  }

  get keys(): readonly string[] {
    return this.fetches.map(({ key }) => key);
  }

  isInvalid(...queryKey: readonly string[]): boolean | undefined {
    return this.queries.getQueryState(queryKey)?.isInvalidated;
  }

  task(): Task | undefined {
    return this.queries.getQueryData(["task", "t1"]);
  }

  [Symbol.dispose](): void {
    cleanup();
    for (const stop of this.#stops) stop();
    this.client.close();
    this.queries.clear();
    this.transport[Symbol.dispose]();
  }
}

/** Data of an event. */
export const status = { taskId: "t1", status: "running" };

/** As above. */
export function progress(percent: number) {
  return { taskId: "t1", progress: percent };
}
