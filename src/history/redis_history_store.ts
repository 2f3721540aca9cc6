import { PageSize } from "../bus/redis/page_size.ts";
import type { RedisCommand, RedisLinkSettings } from "../bus/redis/redis_connection.ts";
import { RedisFailure } from "../bus/redis/redis_failure.ts";
import { RedisLink } from "../bus/redis/redis_link.ts";
import { entriesOfReply, type StreamEntry } from "../bus/redis/stream_entry.ts";
import { MAX_INTEGER_OFFSET, type Offset } from "../model/position.ts";
import { TimeSlice } from "../replay/time_slice.ts";
import { type FoundEntry, type HistoryStore, type KeyedEntry, StoreFailure } from "./history_store.ts";
import { entryIdOf, fieldsOfEntry, foundEntry } from "./redis_entry.ts";

/** Where the store is, and how much of each log it keeps. */
export interface RedisStoreSettings extends RedisLinkSettings {
  /** Offsets that one log reaches back; Redis trims whole nodes, so it is about as many. */
  readonly maxLength: number;
  /** A log that nobody has written for so long is deleted by Redis itself. */
  readonly maxAgeMs: number;
}

/** What XADD says of an entry that is there already, or that a newer one is ahead of. */
const IS_KNOWN = /^ERR The ID specified in XADD is equal or smaller/;

/** A history in Redis Streams, one for each key, an entry's ID made of its offset. Redis 7.0 or later. */
export class RedisHistoryStore implements HistoryStore, AsyncDisposable {
  readonly #settings: RedisStoreSettings;
  readonly #writing: RedisLink;
  readonly #reading: RedisLink;
  readonly #pageSize = new PageSize();

  constructor(settings: RedisStoreSettings) {
    this.#settings = settings;
    this.#writing = new RedisLink(settings);
    this.#reading = new RedisLink(settings);
  }

  async append(batch: readonly KeyedEntry[]): Promise<void> {
    const { maxLength, maxAgeMs } = this.#settings;
    const commands = batch.map(({ key, entry }): RedisCommand => {
      const oldest = entry.offset - BigInt(maxLength);
      const minID = entryIdOf(oldest > 0n ? oldest : 0n);
      return ["xadd", key, "MINID", "~", minID, entryIdOf(entry.offset), ...fieldsOfEntry(entry)];
    });
    for (const key of new Set(batch.map(({ key }) => key))) commands.push(["pexpire", key, maxAgeMs]);
    await this.#write(async (link) => {
      const connection = await link.connection();
      const replies = await connection.pipeline(commands);
      const failure = replies.find((reply) => reply instanceof RedisFailure && !IS_KNOWN.test(reply.message));
      if (failure === undefined) return;
      // After a failover the server at this address may be another one.
      void connection.close();
      throw failure;
    });
  }

  async page(key: string, from: Offset): Promise<{ readonly found: readonly FoundEntry[]; readonly isLast: boolean }> {
    const count = this.#pageSize.entries;
    const page = await this.#read((link) => range(link, key, from, count));
    this.#pageSize.learn(page);
    const found: FoundEntry[] = [];
    const slice = new TimeSlice();
    for (const entry of page) {
      if (slice.isOver) await slice.next();
      found.push(foundEntry(entry));
    }
    return { found, isLast: page.length < count };
  }

  async newest(key: string): Promise<FoundEntry | undefined> {
    return await this.#write((link) => last(link, key));
  }

  async clear(key: string): Promise<void> {
    await this.#write(async (link) => await (await link.connection()).send(["del", key]));
  }

  /**
   * Entries know when they were taken in, IDs do not: the first one that is young enough is looked for by halving, with one
   * entry a look.
   */
  async trim(key: string, beforeMs: number): Promise<void> {
    await this.#write(async (link) => {
      const isOld = ({ entry }: FoundEntry) => entry === undefined || entry.atMs < beforeMs;
      const firstFrom = async (offset: Offset) => (await range(link, key, offset, 1)).map(foundEntry)[0];
      const oldest = await firstFrom(0n);
      if (oldest === undefined || !isOld(oldest)) return;
      let low = oldest.offset + 1n;
      let high = (await last(link, key) ?? oldest).offset + 1n;
      while (low < high) {
        const middle = (low + high) / 2n;
        const found = await firstFrom(middle);
        if (found !== undefined && isOld(found)) low = found.offset + 1n;
        else high = middle;
      }
      await (await link.connection()).send(["xtrim", key, "MINID", entryIdOf(low)]);
    });
  }

  async ping(): Promise<void> {
    await this.#write(async (link) => await (await link.connection()).send(["ping"]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#writing[Symbol.asyncDispose](), this.#reading[Symbol.asyncDispose]()]);
  }

  #write<Result>(action: (link: RedisLink) => Promise<Result>): Promise<Result> {
    return this.#attempt(this.#writing, action);
  }

  #read<Result>(action: (link: RedisLink) => Promise<Result>): Promise<Result> {
    return this.#attempt(this.#reading, action);
  }

  async #attempt<Result>(link: RedisLink, action: (link: RedisLink) => Promise<Result>): Promise<Result> {
    try {
      return await action(link);
    } catch (error) {
      if (!(error instanceof RedisFailure)) throw error;
      const kind = error.code === "READONLY" ? "read-only" : error.kind === "refused" ? "refused" : "down";
      throw new StoreFailure(kind, error.message);
    }
  }
}

async function range(link: RedisLink, key: string, from: Offset, count: number): Promise<readonly StreamEntry[]> {
  const connection = await link.connection();
  const end = `${MAX_INTEGER_OFFSET}-0`;
  return entriesOfReply(await connection.send(["xrange", key, `${from}-0`, end, "COUNT", count]));
}

async function last(link: RedisLink, key: string): Promise<FoundEntry | undefined> {
  const connection = await link.connection();
  return entriesOfReply(await connection.send(["xrevrange", key, "+", "-", "COUNT", 1])).map(foundEntry)[0];
}
