/**
 * The history between a node's journal and the bus: what the pipeline made, kept in Redis for all nodes.
 *
 * The way in is `HistoryChain`, which makes entries while ingest runs, and `HistoryWriter`, which brings them to Redis
 * when it can, from a bounded spool: nothing on the live path waits. The way out is `HistoryStretches`, which proves from
 * the entries alone how far they are complete. Nothing in Redis is believed: entries that were trimmed, evicted, lost or never
 * written are breaks that a reader meets, and the bus is asked for exactly those. So any loss costs a read of the bus, or a
 * gap where the bus has lost it too, and never an event in silence.
 */
import type { StretchSource } from "../replay/shared_passes.ts";
import { type ChainStart, HistoryChain } from "./history_chain.ts";
import { HistoryHealth, type HistoryState } from "./history_health.ts";
import { historyKeys } from "./history_key.ts";
import { HistoryStretches } from "./history_stretches.ts";
import { HistoryWriter } from "./history_writer.ts";
import { RedisHistoryStore } from "./redis_history_store.ts";
import { Spool } from "./spool.ts";

/** Where the history is and how much it may hold. */
export interface RedisHistoryOptions {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url: string;
  /** Begins every key. */
  readonly prefix: string;
  /** Offsets that each partition reaches back, about. */
  readonly maxLength: number;
  readonly maxAgeMs: number;
  /** Bytes that wait while Redis is away. */
  readonly maxSpoolBytes: number;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

/** What happens to the history, for logs and metrics. */
export interface HistoryObserver {
  stateChanged(state: HistoryState, detail: string): void;
  written(entries: number): void;
  /** The spool had no room for an entry. */
  dropped(): void;
}

export class RedisHistory implements AsyncDisposable {
  readonly #options: RedisHistoryOptions;
  readonly #store: RedisHistoryStore;
  readonly #health: HistoryHealth;
  readonly #spool: Spool;
  readonly #writer: HistoryWriter;
  readonly #chains: HistoryChain[] = [];

  constructor(options: RedisHistoryOptions, observer: HistoryObserver) {
    this.#options = options;
    this.#store = new RedisHistoryStore({ ...options, address: new URL(options.url).host });
    this.#health = new HistoryHealth((state, detail) => observer.stateChanged(state, detail));
    this.#spool = new Spool(options.maxSpoolBytes, () => observer.dropped());
    this.#writer = new HistoryWriter({
      store: this.#store,
      spool: this.#spool,
      health: this.#health,
      maxAgeMs: options.maxAgeMs,
      keepRuns: (lingeredMs) => this.#chains.forEach((chain) => chain.keepRuns(lingeredMs)),
      cover: () => this.#chains.forEach((chain) => chain.cover()),
      keys: () => this.#chains.flatMap(({ keys }) => keys),
      isForeign: (key, entry) => this.#chains.some((chain) => chain.isBeyond(key, entry)),
      onWritten: (entries) => observer.written(entries),
    });
  }

  get spool(): Pick<Spool, "entryCount" | "byteCount" | "oldestAtMs"> {
    return this.#spool;
  }

  /**
   * One source's way in and its rung.
   *
   * @param mapping all that decides what its records become, as plain data
   */
  source(
    source: string,
    sourceIndex: number,
    mapping: unknown,
    start: ChainStart,
  ): { readonly chain: HistoryChain; readonly stretches: StretchSource } {
    const keyOf = historyKeys(this.#options.prefix, source, mapping);
    const chain = new HistoryChain(
      { keep: (key, entry, bytes) => this.#writer.keep(key, entry, bytes), void: (key) => this.#writer.void(key) },
      keyOf,
      start,
      Date.now,
    );
    this.#chains.push(chain);
    this.#writer.start();
    const isVoid = (key: string) => this.#writer.isVoid(key);
    const stretches = new HistoryStretches({ store: this.#store, health: this.#health, sourceIndex, keyOf, isVoid });
    return { chain, stretches };
  }

  /** Lets go of what was taken in before a time: milliseconds since 1970. Happens by itself for `maxAgeMs`. */
  async trim(beforeMs: number): Promise<void> {
    await this.#writer.trim(beforeMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }
}
