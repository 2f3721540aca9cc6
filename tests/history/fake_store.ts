import type { FoundEntry, HistoryEntry, HistoryStore, KeyedEntry } from "../../src/history/history_store.ts";
import { StoreFailure } from "../../src/history/history_store.ts";
import type { Offset } from "../../src/model/position.ts";

/** A store in memory that does to its entries what a Redis may do. */
export class FakeStore implements HistoryStore {
  readonly logs = new Map<string, HistoryEntry[]>();
  failure: StoreFailure | undefined;
  /** Entries of one page; smaller than any real one. */
  pageEntries = 3;
  appends = 0;
  /** Entries that were offered, whether they were added or not. */
  offered = 0;
  pages = 0;
  /** What happens before each answer. */
  pace: () => Promise<void> | undefined = () => undefined;

  async append(batch: readonly KeyedEntry[]): Promise<void> {
    await this.#answer();
    this.appends++;
    this.offered += batch.length;
    for (const { key, entry } of batch) {
      const log = this.logs.get(key) ?? [];
      this.logs.set(key, log);
      if (entry.offset > (log.at(-1)?.offset ?? -1n)) log.push(entry);
    }
  }

  async page(key: string, from: Offset): Promise<{ readonly found: readonly FoundEntry[]; readonly isLast: boolean }> {
    await this.#answer();
    this.pages++;
    const found = (this.logs.get(key) ?? []).filter(({ offset }) => offset >= from);
    return {
      found: found.slice(0, this.pageEntries).map((entry) => ({ offset: entry.offset, entry })),
      isLast: found.length < this.pageEntries,
    };
  }

  async newest(key: string): Promise<FoundEntry | undefined> {
    await this.#answer();
    const entry = this.logs.get(key)?.at(-1);
    return entry === undefined ? undefined : { offset: entry.offset, entry };
  }

  async clear(key: string): Promise<void> {
    await this.#answer();
    this.logs.delete(key);
  }

  async trim(key: string, beforeMs: number): Promise<void> {
    await this.#answer();
    this.logs.set(key, (this.logs.get(key) ?? []).filter(({ atMs }) => atMs >= beforeMs));
  }

  async ping(): Promise<void> {
    await this.#answer();
  }

  async #answer(): Promise<void> {
    await this.pace();
    if (this.failure !== undefined) throw this.failure;
  }
}

/** No answer, as from a server that is away. */
export const DOWN = new StoreFailure("down", "connection refused");
