/**
 * Following the streams of one source, on a connection of its own.
 *
 * Life cycle: open → inspect every stream → `up` → read, inspecting again now and then → (anything fails) `down`, close,
 * back off, open. Reading is `XREAD BLOCK` from explicit IDs, a page at a time; the sink has taken a page before the
 * next one is asked for. Each page is proved to join the one before (`continuity.ts`), each inspection proves that the
 * streams are still the ones that were followed.
 */
import { getLogger } from "@logtape/logtape";
import { type Offset } from "../../model/position.ts";
import { BackOff } from "../back_off.ts";
import { BusError, type FollowEvent, type FollowSink } from "../event_bus.ts";
import { type Anchor, isIntact, lostBefore, ORIGIN } from "./continuity.ts";
import { boundsOfFacts } from "./log_bounds.ts";
import { PageSize } from "./page_size.ts";
import type { RedisBusSettings } from "./redis_bus_options.ts";
import { RedisConnection } from "./redis_connection.ts";
import { isLasting, RedisFailure } from "./redis_failure.ts";
import { arrayOf, entriesOfReply, idBefore, recordOfEntry, type StreamEntry, textOf } from "./stream_entry.ts";
import { firstOffset, readStreamFacts, type StreamFacts } from "./stream_facts.ts";

const logger = getLogger(["tidegate", "bus", "redis"]);

/** A stream as this follow knows it. */
interface FollowedStream {
  readonly key: string;
  readonly partition: number;
  /** First offset wanted; `undefined` until the first inspection tells the first record. */
  position: Offset | undefined;
  anchor: Anchor | undefined;
  /** Of the incarnation that the position belongs to; `undefined` until it is known. */
  marker: string | null | undefined;
}

/** One call of a Redis bus's `follow`. */
export class RedisFollow {
  readonly #settings: RedisBusSettings;
  readonly #streams: readonly FollowedStream[];
  readonly #markers: Map<number, string | null>;
  readonly #sink: FollowSink;
  readonly #signal: AbortSignal;
  readonly #pageSize = new PageSize();
  readonly #backOff = new BackOff();
  #state: "up" | "down" | undefined;
  #inspectedAtMs = 0;

  /** @param markers of the incarnations that `from` belongs to, by partition, where they are known; kept true while following */
  constructor(
    settings: RedisBusSettings,
    from: ReadonlyMap<number, Offset>,
    markers: Map<number, string | null>,
    sink: FollowSink,
    signal: AbortSignal,
  ) {
    this.#settings = settings;
    this.#markers = markers;
    this.#sink = sink;
    this.#signal = signal;
    this.#streams = settings.streams.map((key, partition): FollowedStream => {
      const position = from.get(partition);
      const anchor = position !== undefined && position <= ORIGIN.since ? ORIGIN : undefined;
      return { key, partition, position, anchor, marker: markers.get(partition) };
    });
  }

  /** Resolves when the signal is aborted; rejects with what the sink threw, or what waiting cannot cure. */
  async run(): Promise<void> {
    try {
      while (!this.#signal.aborted) {
        await this.#attach().catch((error) => this.#lose(error));
        await this.#backOff.wait(this.#signal);
      }
    } catch (error) {
      throw error instanceof SinkError ? error.cause : error;
    }
  }

  /** One connection's life. */
  async #attach(): Promise<void> {
    await using connection = await RedisConnection.open(this.#settings, this.#signal);
    const close = () => void connection.close();
    this.#signal.addEventListener("abort", close);
    try {
      // The first inspection's findings wait until `up` is told: it is the first event of every follow.
      const found = await this.#inspect(connection);
      await this.#tell("up", `reading ${this.#streams.length} streams from ${this.#settings.address}`);
      this.#backOff.reset();
      await this.#compare(found);
      while (!this.#signal.aborted) {
        if (performance.now() - this.#inspectedAtMs >= this.#settings.blockTimeoutMs) {
          await this.#compare(await this.#inspect(connection));
        }
        await this.#readPage(connection);
      }
    } finally {
      this.#signal.removeEventListener("abort", close);
    }
  }

  async #lose(error: unknown): Promise<void> {
    if (error instanceof SinkError) throw error;
    if (this.#signal.aborted) return;
    const failure = error instanceof RedisFailure ? error : undefined;
    const detail = error instanceof Error ? error.message : String(error);
    if (this.#state === undefined && failure !== undefined && isLasting(failure)) {
      throw new BusError(
        `Cannot follow the Redis source "${this.#settings.source}" at ${this.#settings.address}: ${detail}. ` +
          "Correct the user, its rights or the keys of the streams.",
        { cause: error },
      );
    }
    await this.#tell("down", `${this.#settings.address}: ${detail}`);
  }

  async #tell(state: "up" | "down", detail: string): Promise<void> {
    if (state === this.#state) return;
    this.#state = state;
    const { source } = this.#settings;
    if (state === "up") logger.info("Source {source} is up: {detail}", { source, detail });
    else logger.warn("Source {source} is down: {detail}", { source, detail });
    await this.#yield({ kind: "state", state, detail });
  }

  async #inspect(connection: RedisConnection): Promise<readonly StreamFacts[]> {
    const facts = await Promise.all(this.#streams.map(({ key }) => readStreamFacts(connection, key)));
    this.#inspectedAtMs = performance.now();
    return facts;
  }

  /** Announces what the facts say of the streams: other incarnations, ends before our positions, entries gone. */
  async #compare(found: readonly StreamFacts[]): Promise<void> {
    for (const stream of this.#streams) {
      const facts = found[stream.partition];
      if (facts === undefined || this.#signal.aborted) return;
      if (stream.marker !== undefined && stream.marker !== facts.marker) {
        if (stream.partition === 0) return await this.#enterEpoch(found);
        await this.#enterIncarnation(stream, facts);
      }
      stream.marker = facts.marker;
      this.#markers.set(stream.partition, facts.marker);
      stream.position ??= firstOffset(facts);
      const end = facts.last + 1n;
      if (stream.position > end) await this.#jump(stream, end, "ahead", null);
      else if (firstOffset(facts) > stream.position) {
        await this.#announceLoss(
          stream,
          stream.position,
          firstOffset(facts),
          lostBefore(stream.position, [], facts, stream.anchor),
        );
      }
      if (stream.position === end && facts.added !== null) stream.anchor = { since: end, added: facts.added };
    }
  }

  /** The log's identity is its first stream's: with it, all positions are void. */
  async #enterEpoch(found: readonly StreamFacts[]): Promise<void> {
    logger.warn("Source {source} was created anew: its positions start again", { source: this.#settings.source });
    for (const stream of this.#streams) {
      const facts = found[stream.partition];
      if (facts === undefined) continue;
      stream.marker = facts.marker;
      stream.position = firstOffset(facts);
      stream.anchor = undefined;
    }
    await this.#yield({ kind: "epoch-changed", bounds: boundsOfFacts(found) });
    // Only what the sink has taken: it may throw, and is asked to follow from its old positions again.
    for (const [partition, { marker }] of found.entries()) this.#markers.set(partition, marker);
  }

  async #enterIncarnation(stream: FollowedStream, facts: StreamFacts): Promise<void> {
    stream.marker = facts.marker;
    await this.#jump(stream, firstOffset(facts), "epoch", null);
  }

  async #announceLoss(stream: FollowedStream, from: Offset, next: Offset, lost: number | null): Promise<void> {
    const { anchor } = stream;
    if (lost === 0) return;
    await this.#jump(stream, next, "trimmed", lost, from);
    if (anchor !== undefined && lost !== null) stream.anchor = { since: anchor.since, added: anchor.added + lost };
  }

  async #jump(
    stream: FollowedStream,
    next: Offset,
    reason: "ahead" | "trimmed" | "epoch",
    lost: number | null,
    from: Offset = stream.position ?? next,
  ): Promise<void> {
    const { partition } = stream;
    stream.position = next;
    stream.anchor = undefined;
    logger.warn("Source {source}, partition {partition}: gap {reason}, {lost} records lost", {
      source: this.#settings.source,
      partition,
      reason,
      lost,
    });
    await this.#yield({ kind: "gap", partition, from, next, reason, lost });
  }

  async #readPage(connection: RedisConnection): Promise<void> {
    const { blockTimeoutMs } = this.#settings;
    const reply = await connection.send([
      "xread",
      "COUNT",
      this.#pageSize.entries,
      "BLOCK",
      blockTimeoutMs,
      "STREAMS",
      ...this.#streams.map(({ key }) => key),
      ...this.#streams.map(({ position }) => idBefore(position ?? 0n)),
    ], blockTimeoutMs);
    if (reply === null) return;
    const pages = arrayOf(reply).map((page): [string, StreamEntry[]] => {
      const [key, entries] = arrayOf(page);
      return [textOf(key), entriesOfReply(entries)];
    });
    this.#pageSize.learn(pages.flatMap(([, entries]) => entries));
    for (const [key, entries] of pages) {
      const stream = this.#streams.find((one) => one.key === key);
      if (stream === undefined || this.#signal.aborted) return;
      if (!await this.#join(connection, stream, entries)) return;
      await this.#deliver(stream, entries);
    }
  }

  /** Proves that the page follows the position, or announces what lies between; false when it is another log's page. */
  async #join(connection: RedisConnection, stream: FollowedStream, entries: readonly StreamEntry[]): Promise<boolean> {
    const position = stream.position ?? 0n;
    const offsets = entries.map(({ offset }) => offset);
    const [first = position] = offsets;
    if (await isIntact(connection, stream.key, position, first)) return true;
    const facts = await readStreamFacts(connection, stream.key);
    if (stream.marker !== facts.marker) {
      await this.#compare(await this.#inspect(connection));
      return false;
    }
    await this.#announceLoss(stream, position, first, lostBefore(position, offsets, facts, stream.anchor));
    return true;
  }

  async #deliver(stream: FollowedStream, entries: readonly StreamEntry[]): Promise<void> {
    const next = (entries.at(-1)?.offset ?? 0n) + 1n;
    const { partition, anchor } = stream;
    stream.position = next;
    if (anchor !== undefined) stream.anchor = { since: anchor.since, added: anchor.added + entries.length };
    const records = entries.map((entry) => recordOfEntry(entry, this.#settings.fields));
    await this.#yield({ kind: "records", partition, records, next });
  }

  async #yield(event: FollowEvent): Promise<void> {
    if (this.#signal.aborted) return;
    try {
      await this.#sink(event);
    } catch (error) {
      throw new SinkError(error);
    }
  }
}

/** Carries what the sink threw past the code that reconnects. */
class SinkError extends Error {
  override readonly name = "SinkError";

  constructor(cause: unknown) {
    super("the sink threw", { cause });
  }
}
