import type { GapReason } from "../../src/model/gap.ts";
import type { ReplayOrigin } from "../../src/wire/control_events.ts";
import type { ClientHistory, SeenBlock, StreamHistory } from "../checker/client_history.ts";
import { type Block, EventStreamParser } from "../checker/event_stream_parser.ts";
import { nextMoment } from "../checker/moments.ts";
import { blocksOfAnswer } from "../simulation/blocks_of_answer.ts";
import type { SeededRandom } from "../simulation/seeded_random.ts";

const BACK_OFF_MS = { least: 100, most: 400 };
/** Heartbeats come every second: a stream that is silent for this long leads nowhere. */
const SILENCE_MS = 5_000;

/** One character a byte. */
const LATIN1 = new TextDecoder("latin1");

export interface StreamClientOptions {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly token: string;
  /** Gap reasons that no log shows. */
  readonly excuses: readonly GapReason[];
  readonly random: SeededRandom;
  /** Must be in no byte that comes. */
  readonly canary: string;
  /** Where to go next. */
  url(): string;
}

/** A client as an application has one: reads, is cut off, comes back with its cursor; it keeps all that it saw. */
export class StreamClient implements ClientHistory {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly patterns: readonly string[] = [];
  readonly grants: ReadonlySet<string>;
  readonly streams: OpenStream[] = [];
  /** Share of the streams that are cut in the middle. */
  cutShare = 0.5;
  /** How long those last. */
  cutAfterMs = { least: 100, most: 3_000 };
  /** Share of its connections that ask for one answer instead of a stream. */
  pollShare = 0.15;
  /** Whether the canary came. */
  hasLeaked = false;
  /** Answers that no client should get. */
  readonly refusals: string[] = [];
  lastId: string | undefined;
  readonly #options: StreamClientOptions;
  #isStopped = false;
  #current = new AbortController();
  #running = Promise.resolve();
  #reading: PromiseWithResolvers<void> | undefined;

  constructor(options: StreamClientOptions, lastId?: string) {
    this.#options = options;
    this.name = options.name;
    this.scopes = options.scopes;
    this.grants = new Set(options.scopes);
    this.lastId = lastId;
  }

  /** Events that were dispatched, over all streams. */
  get eventCount(): number {
    return this.#count((block) => isEvent(block));
  }

  get gapCount(): number {
    return this.#count(({ event }) => event === "stream.gap-detected");
  }

  /** Replays to the head of which this was the deepest place. */
  replayCount(origin: ReplayOrigin): number {
    return this.#count(({ event, data }) => event === "stream.caught-up" && JSON.parse(data ?? "").from === origin);
  }

  /** Comes, or comes back with its cursor after a {@link stop}. */
  start(): void {
    this.#isStopped = false;
    this.#running = this.#run();
  }

  /** The connection breaks; it comes back by itself. */
  cut(): void {
    this.#current.abort();
  }

  /** Stops reading, with the connection open. */
  pause(): void {
    this.#reading ??= Promise.withResolvers();
    this.streams.at(-1)?.slow();
  }

  resume(): void {
    this.#reading?.resolve();
    this.#reading = undefined;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.resume();
    this.cut();
    await this.#running;
  }

  #count(isWanted: (block: Block) => boolean): number {
    return this.streams.reduce((sum, { blocks }) => sum + blocks.filter(isWanted).length, 0);
  }

  async #run(): Promise<void> {
    const { random } = this.#options;
    while (!this.#isStopped) {
      this.#current = new AbortController();
      const isCut = random.chance(this.cutShare);
      const cut = setTimeout(
        () => this.cut(),
        isCut ? random.between(this.cutAfterMs.least, this.cutAfterMs.most) : 2 ** 30,
      );
      try {
        if (random.chance(this.pollShare)) await this.#poll(this.#current);
        else await this.#read(this.#current);
      } catch {
        // Cut by us, or the server is gone: either way the stream is over.
      }
      clearTimeout(cut);
      if (this.#isStopped) return;
      await new Promise((resolve) => setTimeout(resolve, random.between(BACK_OFF_MS.least, BACK_OFF_MS.most)));
    }
  }

  /** One answer with what was missed, or with what comes next. */
  async #poll(abort: AbortController): Promise<void> {
    const silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const cursor = this.lastId;
      const query = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const response = await this.#get(`poll?wait=1${query}`, {}, abort.signal);
      const text = await response.text();
      if (text.includes(this.#options.canary)) this.hasLeaked = true;
      // Draining, warming up or overloaded: as the soft refusal of a stream.
      if (response.status === 503) return;
      if (response.status !== 200) return void this.refusals.push(`${response.status} ${text}`);
      this.#keep(this.#begin(cursor), blocksOfAnswer(text));
    } finally {
      clearTimeout(silence);
    }
  }

  async #read(abort: AbortController): Promise<void> {
    const { canary } = this.#options;
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const cursor = this.lastId;
      const headers = cursor === undefined ? {} : { "last-event-id": cursor };
      const response = await this.#get("stream", headers, abort.signal);
      if (response.status !== 200) return void this.refusals.push(`${response.status} ${await response.text()}`);
      const stream = this.#begin(cursor);
      const reader = response.body?.getReader();
      // An abort in the very turn in which the answer's head comes does not reach its body.
      abort.signal.addEventListener("abort", () => void reader?.cancel().catch(() => {}));
      abort.signal.throwIfAborted();
      let rest = "";
      for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) {
        clearTimeout(silence);
        rest = (rest + LATIN1.decode(read.value)).slice(-read.value.length - canary.length);
        if (rest.includes(canary)) this.hasLeaked = true;
        if (this.#reading !== undefined) {
          stream.slow();
          await this.#reading.promise;
        }
        this.#keep(stream, stream.parser.push(read.value));
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  #get(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const { token, url } = this.#options;
    return fetch(`${url()}/api/v1/events/${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
      signal,
    });
  }

  #begin(cursor: string | undefined): OpenStream {
    const stream = new OpenStream(cursor, new Set(this.#options.excuses));
    this.streams.push(stream);
    return stream;
  }

  #keep(stream: OpenStream, blocks: readonly Block[]): void {
    for (const block of blocks) {
      stream.blocks.push({ ...block, seenAt: nextMoment() });
      if (block.id !== undefined) this.lastId = block.id;
    }
  }
}

export function isEvent({ event }: Block): boolean {
  return event !== undefined && !event.startsWith("stream.");
}

class OpenStream implements StreamHistory {
  readonly cursor: string | undefined;
  readonly blocks: SeenBlock[] = [];
  readonly excused: ReadonlySet<GapReason>;
  readonly parser = new EventStreamParser();
  #wasSlow = false;

  constructor(cursor: string | undefined, excused: ReadonlySet<GapReason>) {
    this.cursor = cursor;
    this.excused = excused;
  }

  get wasSlow(): boolean {
    return this.#wasSlow;
  }

  slow(): void {
    this.#wasSlow = true;
  }
}
