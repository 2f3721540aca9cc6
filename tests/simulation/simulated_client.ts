import type { GapReason } from "../../src/model/gap.ts";
import { openPoll } from "../../src/stream/open_poll.ts";
import { openStream } from "../../src/stream/open_stream.ts";
import type { Reader } from "../../src/stream/reader.ts";
import type { PollWish } from "../../src/stream/poll.ts";
import type { Subscription } from "../../src/stream/subscription.ts";
import type { ClientHistory, SeenBlock, StreamHistory } from "../checker/client_history.ts";
import { blocksOfAnswer } from "./blocks_of_answer.ts";
import { type Block, EventStreamParser } from "../checker/event_stream_parser.ts";
import { nextMoment } from "../checker/moments.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { SimulatedNode } from "./simulated_node.ts";

interface OpenStream extends StreamHistory {
  readonly blocks: SeenBlock[];
  readonly excused: Set<GapReason>;
  /** `undefined` for a poll whose answer has not begun. */
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly parser: EventStreamParser;
  readonly isPoll: boolean;
  readonly node: SimulatedNode;
  readonly openedAtMs: number;
}

/** What of a run a client must know to tell what is legitimate. */
export interface ClientOptions {
  /** Whether bytes that the client does not take can fill the gateway's queue. */
  readonly mayBeSlow: boolean;
  /** How long a node may wait before it says that a cursor is ahead of it. */
  readonly maxAheadWaitMs: number;
}

/** A browser in small: reads as fast or slowly as it is told, keeps the last id, comes back with it. */
export class SimulatedClient implements ClientHistory {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly patterns: readonly string[];
  readonly grants: ReadonlySet<string>;
  readonly streams: OpenStream[] = [];
  lastId: string | undefined;
  readonly #reader: Reader;
  readonly #subscription: Subscription;
  readonly #options: ClientOptions;
  #open: OpenStream | undefined;
  #isPaused = false;
  #isReading = false;
  /** What the network has brought and the client has not looked at. */
  #unread: Uint8Array[] = [];

  constructor(name: string, reader: Reader, subscription: Subscription, options: ClientOptions) {
    this.name = name;
    this.#options = options;
    this.#reader = reader;
    this.#subscription = subscription;
    this.scopes = subscription.scopes;
    this.patterns = subscription.patterns;
    this.grants = reader.grants;
  }

  /** The stream that is open, as far as this client has noticed. */
  get open(): OpenStream | undefined {
    return this.#open;
  }

  /** Whether the stream has told that it needs no replay any more. */
  get isLive(): boolean {
    if (this.#open === undefined) return false;
    return this.#open.cursor === undefined ||
      this.#open.blocks.some(({ event, data }) =>
        event === "stream.caught-up" || (event === "stream.gap-detected" && data?.includes("invalid-cursor") === true)
      );
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Nearly always the last id that it saw; sometimes an older one, as a second tab has it, or none, or nonsense. */
  cursorToComeBackWith(random: SeededRandom): string | undefined {
    if (random.chance(0.05)) return undefined;
    if (random.chance(0.02)) return "no~cursor";
    if (this.lastId === undefined || !random.chance(0.05)) return this.lastId;
    const first = this.streams.findLastIndex(({ cursor }) => cursor === undefined);
    const seen = this.streams.slice(Math.max(0, first)).flatMap(({ blocks }) => blocks.flatMap(({ id }) => id ?? []));
    return seen.length === 0 ? this.lastId : random.pick(seen);
  }

  connect(node: SimulatedNode, cursor: string | undefined): void {
    const { body } = openStream(node.context, this.#reader, this.#subscription, cursor);
    if (body === null) throw new Error("Cannot read the stream: it has no body");
    this.#open = {
      cursor,
      blocks: [],
      excused: new Set(),
      wasSlow: this.#options.mayBeSlow,
      reader: body.getReader(),
      parser: new EventStreamParser(),
      isPoll: false,
      node,
      openedAtMs: performance.now(),
    };
    this.#begin(this.#open);
    this.#read(this.#open);
  }

  /** Asks for one answer instead of a stream. What is in it is judged as what a stream would have sent. */
  poll(node: SimulatedNode, cursor: string | undefined, waitMs: number, maxEvents: number): void {
    this.#open = {
      cursor,
      blocks: [],
      excused: new Set(),
      wasSlow: false,
      reader: undefined,
      parser: new EventStreamParser(),
      isPoll: true,
      node,
      openedAtMs: performance.now(),
    };
    this.#begin(this.#open);
    void this.#takeAnswer(this.#open, { waitMs, maxEvents });
  }

  /** Puts a token of the same rights in the place of an open stream's, whatever is under way; false when it knows of no stream. */
  renewToken(): boolean {
    const { node, blocks } = this.#open ?? {};
    const opened = blocks?.find(({ event }) => event === "stream.opened");
    const connection = node?.manager.find(JSON.parse(opened?.data ?? "{}").connectionId, this.#reader);
    if (connection === undefined) return false;
    node?.manager.renew(connection, { ...this.#reader }, this.#subscription);
    return true;
  }

  /** The connection breaks, or the page goes: what was not looked at is lost. */
  disconnect(): void {
    void this.#open?.reader?.cancel();
    this.#open = undefined;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Reads on, as fast as it can. */
  resume(): void {
    this.#isPaused = false;
    this.nibble(Number.POSITIVE_INFINITY);
  }

  /** Looks at so many bytes only. */
  nibble(bytes: number): void {
    const stream = this.#open;
    if (stream === undefined) return;
    for (let left = bytes; left > 0 && this.#unread.length > 0;) {
      const chunk = this.#unread.shift();
      if (chunk === undefined) break;
      this.#look(stream, chunk.subarray(0, left));
      if (chunk.length > left) this.#unread.unshift(chunk.subarray(left));
      left -= chunk.length;
    }
    if (this.#unread.length === 0) this.#read(stream);
  }

  #begin(stream: OpenStream): void {
    this.streams.push(stream);
    if (stream.cursor === undefined) this.lastId = undefined;
    this.#isPaused = false;
    this.#unread = [];
    this.#isReading = false;
  }

  async #takeAnswer(stream: OpenStream, wish: PollWish): Promise<void> {
    const outcome = await openPoll(stream.node.context, this.#reader, this.#subscription, stream.cursor, wish);
    let text = "";
    if (outcome.kind === "answer" && stream === this.#open) {
      // Whoever reads on after a pause would read an answer as a stream.
      const reader = outcome.body.getReader();
      stream.reader = reader;
      this.#isReading = true;
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        text += new TextDecoder().decode(chunk.value);
      }
    } else if (outcome.kind === "answer") await outcome.body.cancel();
    if (stream !== this.#open) return;
    this.#open = undefined;
    if (performance.now() - stream.openedAtMs >= this.#options.maxAheadWaitMs) stream.excused.add("ahead");
    if (text !== "") this.#keep(stream, blocksOfAnswer(text));
  }

  #read(stream: OpenStream): void {
    if (this.#isReading || stream.reader === undefined) return;
    this.#isReading = true;
    stream.reader.read().then(({ done, value }) => {
      if (stream !== this.#open) return;
      this.#isReading = false;
      if (done) return void (this.#open = undefined);
      if (this.#isPaused) return void this.#unread.push(value);
      this.#look(stream, value);
      this.#read(stream);
    });
  }

  #look(stream: OpenStream, bytes: Uint8Array): void {
    if (performance.now() - stream.openedAtMs >= this.#options.maxAheadWaitMs) stream.excused.add("ahead");
    this.#keep(stream, stream.parser.push(bytes));
  }

  #keep(stream: OpenStream, blocks: readonly Block[]): void {
    for (const block of blocks) {
      stream.blocks.push({ ...block, seenAt: nextMoment() });
      if (block.id !== undefined) this.lastId = block.id;
    }
  }
}
