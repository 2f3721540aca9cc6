import { eventMatches } from "../model/event_name.ts";
import { formatPosition, type OffsetFormat } from "../model/position.ts";
import { formatSSE } from "../model/sse_format.ts";
import type { Frame } from "../wire/frame.ts";
import type { TailLine } from "./tail_line.ts";
import { tailLine } from "./tail_line.ts";

/** Which events a tail shows; none given: all. */
export interface TailFilter {
  readonly scopes: readonly string[];
  readonly patterns: readonly string[];
}

/** Tails at one time: each costs a decoding of every event that it shows. */
export const MAX_TAILS = 16;
/** Lines of one window and its length: a hundred a second, more than anybody reads. */
const LINES_A_WINDOW = 25;
const WINDOW_MS = 250;
const HEARTBEAT_WINDOWS = 40;
/** A tail whose reader has so much waiting is given nothing further. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Events that a new tail begins with, so that it is not empty. */
const RECENT_FRAMES = 50;

/** Where a frame comes from. */
export interface TailSource {
  readonly source: string;
  readonly format: OffsetFormat;
}

/**
 * What this node reads, for people to watch: every event as it comes in, dead letters and gaps beside them. Bounded on
 * every side: what comes faster than a hundred a second, or than its reader takes it, is left out and counted. Costs
 * nothing while nobody watches but the last events' places in a list.
 */
export class EventTail implements Disposable {
  readonly #readers = new Set<TailReader>();
  readonly #recent: { readonly from: TailSource; readonly frame: Frame }[] = [];
  #windows: ReturnType<typeof setInterval> | undefined;

  /** Frames of one record, in the turn in which they are broadcast. */
  publish(from: TailSource, frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.#recent.push({ from, frame });
      if (this.#recent.length > RECENT_FRAMES) this.#recent.shift();
      for (const reader of this.#readers) if (reader.wants(frame)) reader.show(() => lineOf(from, frame));
    }
  }

  /** Something other than an event, for every tail whatever its filter: it may have been theirs. */
  tell(line: TailLine): void {
    for (const reader of this.#readers) reader.show(() => line);
  }

  /** A stream of lines; `undefined` when {@link MAX_TAILS} are open already. */
  open(filter: TailFilter): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    if (this.#readers.size >= MAX_TAILS) return undefined;
    const reader = new TailReader(filter, () => this.#leave(reader));
    this.#readers.add(reader);
    this.#windows ??= setInterval(() => this.#turn(), WINDOW_MS);
    for (const { from, frame } of this.#recent.slice(-LINES_A_WINDOW)) {
      if (reader.wants(frame)) reader.show(() => lineOf(from, frame));
    }
    return reader.body;
  }

  get readerCount(): number {
    return this.#readers.size;
  }

  /** Ends every tail. */
  [Symbol.dispose](): void {
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
    clearInterval(this.#windows);
  }

  #leave(reader: TailReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    clearInterval(this.#windows);
    this.#windows = undefined;
  }

  #turn(): void {
    for (const reader of this.#readers) reader.turn();
  }
}

const encoder = new TextEncoder();

class TailReader {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #filter: TailFilter;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #left = LINES_A_WINDOW;
  #omitted = 0;
  #silentWindows = 0;

  constructor(filter: TailFilter, onGone: () => void) {
    this.#filter = filter;
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
        this.#write({
          event: "tail.opened",
          data: JSON.stringify({ linesPerSecond: LINES_A_WINDOW * 1_000 / WINDOW_MS }),
        });
      },
      cancel: () => {
        this.#controller = undefined;
        onGone();
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }));
  }

  wants({ scope, event }: Frame): boolean {
    const { scopes, patterns } = this.#filter;
    return (scopes.length === 0 || scope === null || scopes.includes(scope)) &&
      (patterns.length === 0 || scope === null || patterns.some((pattern) => eventMatches(pattern, event)));
  }

  /** @param line made only when there is room for it */
  show(line: () => TailLine): void {
    if (this.#left === 0 || (this.#controller?.desiredSize ?? 0) <= 0) {
      this.#omitted++;
      return;
    }
    this.#left--;
    const { kind, ...rest } = line();
    this.#write({ event: `tail.${kind}`, data: JSON.stringify(rest) });
  }

  /** A new window begins: says what the last one left out, and breaks a silence. */
  turn(): void {
    this.#left = LINES_A_WINDOW;
    this.#silentWindows++;
    if ((this.#controller?.desiredSize ?? 0) <= 0) return;
    if (this.#omitted > 0) {
      this.#write({ event: "tail.omitted", data: JSON.stringify({ count: this.#omitted }) });
      this.#omitted = 0;
    } else if (this.#silentWindows >= HEARTBEAT_WINDOWS) this.#write({ event: "tail.heartbeat", data: "{}" });
  }

  close(): void {
    this.#controller?.close();
    this.#controller = undefined;
  }

  #write(fields: { readonly event: string; readonly data: string }): void {
    this.#silentWindows = 0;
    this.#controller?.enqueue(encoder.encode(formatSSE(fields)));
  }
}

function lineOf({ source, format }: TailSource, frame: Frame): TailLine {
  return tailLine(formatPosition({ source, partition: frame.partition, offset: frame.offset }, format), frame);
}
