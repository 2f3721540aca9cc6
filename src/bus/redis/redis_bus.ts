/**
 * Redis Streams as a bus: each configured key is one partition, an entry ID is an offset.
 *
 * Three kinds of connections, so that none waits behind another: one that publishes, one that asks (bounds and ranges),
 * and one for each follow, which blocks. None of them reconnects by itself and none queues while it is away
 * (`redis_connection.ts`): a publish that Redis has not answered rejects and says whether it may have been written.
 * What proves that nothing was skipped is told in `continuity.ts`, what an epoch is in `stream_facts.ts`.
 */
import type { RangeEvent } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import {
  BusError,
  type EventBus,
  type FollowSink,
  type LogBounds,
  type PublishedPosition,
  type PublishRecord,
} from "../event_bus.ts";
import { partitionOfKey } from "../partition_of_key.ts";
import { PublishAllowance } from "../publish_allowance.ts";
import { boundsOfFacts, readTail } from "./log_bounds.ts";
import { readStreamRange } from "./range_reader.ts";
import type { RedisBusSettings } from "./redis_bus_options.ts";
import type { RedisCommand, RedisConnection } from "./redis_connection.ts";
import { isOfRole, RedisFailure } from "./redis_failure.ts";
import { RedisFollow } from "./redis_follow.ts";
import { RedisLink } from "./redis_link.ts";
import { fieldsOfRecord, offsetOfReply, textOf } from "./stream_entry.ts";
import { readStreamFacts } from "./stream_facts.ts";

/** {@link EventBus} on Redis Streams; made by `openRedisBus`. */
export class RedisBus implements EventBus {
  readonly source: string;
  readonly offsetFormat = "ms-seq";
  readonly durability = "redis";
  readonly #settings: RedisBusSettings;
  readonly #publishing: RedisLink;
  readonly #asking: RedisLink;
  readonly #waiting = new PublishAllowance();
  readonly #closing = new AbortController();
  /** The incarnations that the bounds were told of: a follow from such positions announces when they have gone since. */
  readonly #markers = new Map<number, string | null>();
  #keylessRecords = 0;

  constructor(settings: RedisBusSettings) {
    this.source = settings.source;
    this.#settings = settings;
    this.#publishing = new RedisLink(settings, (connection) => assertStreams(connection, settings.streams));
    this.#asking = new RedisLink(settings);
  }

  async bounds(tailRecords = 0): Promise<LogBounds> {
    return await this.#attempt("tell the bounds of", async () => {
      const connection = await this.#asking.connection();
      const facts = await Promise.all(this.#settings.streams.map((key) => readStreamFacts(connection, key)));
      const tails = new Map<number, Offset>();
      for (const [partition, stream] of facts.entries()) {
        const key = this.#settings.streams[partition];
        if (tailRecords > 0 && key !== undefined) {
          tails.set(partition, await readTail(connection, key, stream, tailRecords));
        }
        // Not of a later look: whoever begins to follow again stands where the stream was that it followed before.
        if (!this.#markers.has(partition)) this.#markers.set(partition, stream.marker);
      }
      return boundsOfFacts(facts, tails);
    });
  }

  async follow(from: ReadonlyMap<number, Offset>, sink: FollowSink, signal: AbortSignal): Promise<void> {
    if (this.#closing.signal.aborted) throw this.#error("follow", "the bus was closed");
    for (const partition of from.keys()) this.#keyOf("follow", partition);
    const end = AbortSignal.any([signal, this.#closing.signal]);
    await new RedisFollow(this.#settings, from, this.#markers, sink, end).run();
  }

  async *readRange(partition: number, from: Offset, to: Offset, signal: AbortSignal): AsyncGenerator<RangeEvent> {
    const key = this.#keyOf("read", partition);
    if (from >= to) return;
    const connect = () => {
      if (signal.aborted) throw new BusError(`Cannot read ${this.#name}: it was aborted.`, { cause: signal.reason });
      return this.#asking.connection();
    };
    const events = readStreamRange(connect, { key, partition, from, to }, this.#settings.fields);
    for (;;) {
      const { done, value } = await this.#attempt("read", () => untilAborted(events.next(), signal));
      if (done) return;
      yield value;
    }
  }

  async publish(records: readonly PublishRecord[]): Promise<readonly PublishedPosition[]> {
    const placed = records.map((record): { readonly partition: number; readonly command: RedisCommand } => {
      const partition = this.#partitionOf(record);
      const { maxLengthApprox, fields } = this.#settings;
      const trim = maxLengthApprox === undefined ? [] : ["MAXLEN", "~", maxLengthApprox];
      return {
        partition,
        command: ["xadd", this.#keyOf("publish to", partition), ...trim, "*", ...fieldsOfRecord(record, fields)],
      };
    });
    if (placed.length === 0) return [];
    return await this.#attempt("publish to", () =>
      this.#waiting.hold(this.#name, records, async () => {
        const connection = await this.#publishing.connection();
        const ids = await append(connection, placed.map(({ command }) => command));
        return placed.map(({ partition }, index) => ({ partition, offset: offsetOfReply(ids[index]) }));
      }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#publishing[Symbol.asyncDispose](), this.#asking[Symbol.asyncDispose]()]);
  }

  get #name(): string {
    return `the Redis source "${this.source}" at ${this.#settings.address}`;
  }

  #partitionOf({ key }: PublishRecord): number {
    const count = this.#settings.streams.length;
    return key === null ? this.#keylessRecords++ % count : partitionOfKey(key, count);
  }

  #keyOf(verb: string, partition: number): string {
    const key = this.#settings.streams[partition];
    if (key !== undefined) return key;
    throw this.#error(verb, `it has no partition ${partition}, only ${this.#settings.streams.length} streams`);
  }

  async #attempt<Result>(verb: string, action: () => Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof RedisFailure)) throw error;
      const isPublish = verb === "publish to";
      const mayHaveBeenWritten = isPublish && (error.kind === "lost" || error instanceof PartlyAppended);
      throw this.#error(verb, error.message, { cause: error, mayHaveBeenWritten });
    }
  }

  #error(verb: string, state: string, options?: { cause?: unknown; mayHaveBeenWritten?: boolean }): BusError {
    return new BusError(`Cannot ${verb} ${this.#name}: ${state}.`, options);
  }
}

/** One entry needs no transaction; of several none is written when one cannot be. */
async function append(connection: RedisConnection, commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
  const [only] = commands;
  try {
    if (only !== undefined && commands.length === 1) return [await connection.send(only)];
    const replies = await connection.transaction(commands);
    const refused = replies.find((reply) => reply instanceof RedisFailure);
    if (refused === undefined) return replies;
    throw replies.every((reply) => reply instanceof RedisFailure) ? refused : new PartlyAppended(refused.message);
  } catch (error) {
    // The next publish may find a server at this address that can: after a failover this one is a replica.
    if (error instanceof RedisFailure && isOfRole(error)) void connection.close();
    throw error;
  }
}

/** Redis does not roll back: a key that is no stream would be found only when other streams have their records. */
async function assertStreams(connection: RedisConnection, keys: readonly string[]): Promise<void> {
  try {
    const types = await Promise.all(keys.map((key) => connection.send(["type", key])));
    const wrong = types.map(textOf).findIndex((type) => type !== "stream" && type !== "none");
    if (wrong >= 0) throw new RedisFailure("refused", `WRONGTYPE the key ${JSON.stringify(keys[wrong])} is no stream`);
  } catch (error) {
    // A user who may append and nothing else is not asked for more.
    if (!(error instanceof RedisFailure) || error.code !== "NOPERM") throw error;
  }
}

/** A key has turned into something else since, in the middle of a transaction. */
class PartlyAppended extends RedisFailure {
  constructor(message: string) {
    super("refused", message);
  }
}

async function untilAborted<Result>(result: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new BusError("Cannot go on reading a range: it was aborted.", { cause: signal.reason }));
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([result, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
