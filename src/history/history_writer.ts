import { BackOff } from "../bus/back_off.ts";
import { LINGER_MS } from "./history_chain.ts";
import type { HistoryHealth } from "./history_health.ts";
import type { HistoryEntry, HistoryStore } from "./history_store.ts";
import type { Offset } from "../model/position.ts";
import type { Spool } from "./spool.ts";

/** How often the store is asked whether it is still there, and records that nobody may see are covered. */
const LOOK_INTERVAL_MS = 5_000;
/** Between two writes, in milliseconds, unless a full batch waits: a round trip costs more than some entries. */
const GATHER_MS = 100;
/** How often what is too old is trimmed; each look costs some dozen small reads a partition. */
const TRIM_INTERVAL_MS = 60_000;
/** What a node that ends may still write, in milliseconds: the other nodes have it, too. */
const LAST_WRITE_MS = 1_000;

/** What a writer works with. */
export interface WriterInit {
  readonly store: HistoryStore;
  readonly spool: Spool;
  readonly health: HistoryHealth;
  readonly maxAgeMs: number;
  /** Called many times a second: keeps the runs that have been open for so long, in milliseconds. */
  readonly keepRuns: (lingeredMs: number) => void;
  /** Called every few seconds, to keep what only time makes worth keeping. */
  readonly cover: () => void;
  /** The logs that are written now. */
  readonly keys: () => readonly string[];
  /** Whether an entry under the key cannot be of the log that is followed. */
  readonly isForeign: (key: string, entry: HistoryEntry) => boolean;
  /** Told of entries that were handed to the store. */
  readonly onWritten: (entries: number) => void;
}

/** Brings to the store what is spooled, in batches, one after another: while one is on its way the next gathers. */
export class HistoryWriter implements AsyncDisposable {
  readonly #init: WriterInit;
  /** Logs that hold what is void, until they are deleted. */
  readonly #void = new Set<string>();
  /**
   * What was the newest entry of each log when it was last looked at: what is not behind it can not be added any more. A node
   * that starts reads much again that the others have written long ago.
   */
  readonly #newest = new Map<string, Offset>();
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;
  #endPause: () => void = () => {};
  #trimmedAtMs = performance.now();

  constructor(init: WriterInit) {
    this.#init = init;
  }

  isVoid(key: string): boolean {
    return this.#void.has(key);
  }

  /** Never waits and never throws. */
  keep(key: string, entry: HistoryEntry, bytes: number): void {
    if (entry.offset <= (this.#newest.get(key) ?? -1n)) return;
    this.#init.spool.push({ key, entry, bytes });
  }

  /** What was kept under the key, here and in the store, is to be deleted before anything else is written. */
  void(key: string): void {
    this.#init.spool.forget(key);
    this.#void.add(key);
    this.#newest.delete(key);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** One round: whatever there is to do, or a question whether the store is there. False when the store failed. */
  async write(): Promise<boolean> {
    const { store, spool, health, onWritten } = this.#init;
    try {
      if (health.isDown) await store.ping();
      health.answered();
      for (const key of this.#void) {
        await store.clear(key);
        this.#void.delete(key);
      }
      await this.#learnNewest();
      // What became void meanwhile goes first, in the next round.
      if (this.#void.size > 0) return true;
      const batch = spool.take();
      if (batch.length > 0) {
        await store.append(batch);
        onWritten(batch.length);
        spool.confirm();
      } else await store.ping();
      await this.#trimIfDue();
      health.wrote();
      return true;
    } catch (error) {
      health.failed("write", error);
      return false;
    }
  }

  /** Lets go of what was taken in before a time: milliseconds since 1970. Happens by itself once a minute. */
  async trim(beforeMs: number): Promise<void> {
    for (const key of this.#init.keys()) await this.#init.store.trim(key, beforeMs);
  }

  /** Writes what is left, if that is quick. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { spool, health, keepRuns } = this.#init;
    keepRuns(0);
    const endsAtMs = performance.now() + LAST_WRITE_MS;
    while (spool.entryCount > 0 && health.state === "up" && performance.now() < endsAtMs && this.#running) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#end.abort();
    this.#endPause();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { spool, keepRuns } = this.#init;
    const backOff = new BackOff();
    let lookedAtMs = Number.NEGATIVE_INFINITY;
    while (!this.#end.signal.aborted) {
      keepRuns(LINGER_MS);
      const isLookDue = performance.now() - lookedAtMs >= LOOK_INTERVAL_MS;
      if (isLookDue) {
        lookedAtMs = performance.now();
        this.#init.cover();
      }
      if (isLookDue || spool.entryCount > 0 || this.#void.size > 0) {
        if (!await this.write()) {
          await backOff.wait(this.#end.signal);
          continue;
        }
        backOff.reset();
      }
      if (!spool.hasFullBatch) await this.#pause();
    }
  }

  async #learnNewest(): Promise<void> {
    const { store, spool, keys, isForeign } = this.#init;
    const unknown = () => keys().find((key) => !this.#newest.has(key));
    for (let key = unknown(); key !== undefined; key = unknown()) {
      const newest = await store.newest(key);
      if (this.#void.has(key)) return;
      const entry = newest?.entry;
      // Behind what no gateway wrote nothing could be added for ever, and before what is of another log nothing is true.
      const isUseless = newest !== undefined && (entry === undefined || isForeign(key, entry));
      if (isUseless) await store.clear(key);
      const offset = isUseless ? -1n : entry?.offset ?? -1n;
      this.#newest.set(key, offset);
      spool.forget(key, offset);
    }
  }

  async #trimIfDue(): Promise<void> {
    if (performance.now() - this.#trimmedAtMs < TRIM_INTERVAL_MS) return;
    this.#trimmedAtMs = performance.now();
    this.#newest.clear();
    await this.trim(Date.now() - this.#init.maxAgeMs);
  }

  async #pause(): Promise<void> {
    if (this.#end.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endPause = resolve;
    const timer = setTimeout(resolve, GATHER_MS);
    await promise;
    clearTimeout(timer);
  }
}
