import { streamTransport } from "../../client/core/stream_transport.ts";
import { type ServerMessage, TransportError } from "../../client/transport.ts";
import { reasonOf } from "../../log/reason_of.ts";
import { pauseFor } from "../pause_for.ts";
import { AUDIT_EVENT, readNumber } from "./audit_event.ts";
import type { DeliveryLedger, ToldGap } from "./delivery_ledger.ts";

/** What one client of an audit does. */
export interface AuditClientInit {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly scope: string;
  readonly run: string;
  readonly ledger: DeliveryLedger;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** Mean time from a stream's opening to its cut, in milliseconds; 0: never. */
  readonly cutEveryMs: number;
}

/**
 * A client that cuts its stream at random moments and comes back with its last id, as a page does whose network breaks. It
 * reads with the transport that browsers run.
 */
export class AuditClient {
  readonly name: string;
  readonly #init: AuditClientInit;
  readonly #transport = streamTransport();
  readonly #opened = Promise.withResolvers<void>();
  readonly #ends = new Map<string, number>();
  #lastEventId: string | undefined;
  #retryMs = DEFAULT_RETRY_MS;
  #mayCut = true;
  #trouble: string | undefined;

  constructor(init: AuditClientInit) {
    this.name = init.name;
    this.#init = init;
    // Whoever waits sees its failure; an audit that ended before has nobody who waits.
    this.#opened.promise.catch(() => {});
  }

  /** Resolves when the first stream is live; rejects when the gateway refuses for good. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** How often a stream ended, by why: `cut` by us, a close reason of the gateway's, or `broken` without a word. */
  get ends(): ReadonlyMap<string, number> {
    return this.#ends;
  }

  /** What a stream last broke off with, where that has a text. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** From now on streams are left alone, so that the last events can come. */
  stopCutting(): void {
    this.#mayCut = false;
  }

  /** Follows until the signal is aborted. Rejects when the gateway refuses for good. */
  async follow(signal: AbortSignal): Promise<void> {
    const { random, cutEveryMs } = this.#init;
    try {
      while (!signal.aborted) {
        const why = await this.#oneStream(signal);
        if (signal.aborted) return;
        this.#ends.set(why, (this.#ends.get(why) ?? 0) + 1);
        await pauseFor(why === "cut" ? random() * cutEveryMs * PAUSE_SHARE : this.#retryMs, signal);
      }
    } catch (error) {
      this.#opened.reject(error);
      throw error;
    }
  }

  async #oneStream(signal: AbortSignal): Promise<string> {
    const { url, headers, scope } = this.#init;
    const request = { url, headers, scopes: [scope], events: [AUDIT_EVENT], lastEventId: this.#lastEventId };
    const stream: Stream = { openedMs: Date.now(), why: "broken", cut: new AbortController() };
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      for await (const message of this.#transport.connect(request, AbortSignal.any([signal, stream.cut.signal]))) {
        this.#take(message, stream);
        if (message.event === "stream.opened") timer = this.#cutLater(stream);
      }
    } catch (error) {
      if (error instanceof TransportError && error.isFinal) throw error;
      if (error instanceof TransportError) this.#retryMs = error.retryAfterMs ?? this.#retryMs;
      if (stream.why !== "cut") this.#trouble = reasonOf(error);
    } finally {
      clearTimeout(timer);
    }
    return stream.why;
  }

  #cutLater(stream: Stream): ReturnType<typeof setTimeout> | undefined {
    const { random, cutEveryMs } = this.#init;
    if (cutEveryMs === 0) return undefined;
    const cut = () => {
      if (!this.#mayCut) return;
      stream.why = "cut";
      stream.cut.abort();
    };
    return setTimeout(cut, Math.min(-Math.log(1 - random()), MAX_CUT_FACTOR) * cutEveryMs);
  }

  #take({ id, event, data, retryMs }: ServerMessage, stream: Stream): void {
    const { name, ledger, run } = this.#init;
    const nowMs = Date.now();
    if (id !== undefined) this.#lastEventId = id;
    if (retryMs !== undefined) this.#retryMs = retryMs;
    if (event === undefined || data === undefined) return;
    const content: unknown = JSON.parse(data);
    switch (event) {
      case "stream.opened":
        stream.openedMs = nowMs;
        this.#opened.resolve();
        break;
      case "stream.closing":
        stream.why = String(fieldOf(content, "reason"));
        break;
      case "stream.gap-detected":
        ledger.gapTold(name, gapOf(content, nowMs));
        break;
      case "stream.events-dropped":
        ledger.gapTold(name, droppedOf(content, nowMs));
        break;
      case AUDIT_EVENT: {
        const number = readNumber(content, run);
        const identity = id?.split("~")[0] ?? "";
        if (number !== undefined) ledger.received(name, number, identity, nowMs, stream.openedMs);
      }
    }
  }
}

interface Stream {
  openedMs: number;
  why: string;
  readonly cut: AbortController;
}

/** Until the gateway says: as a browser does. */
const DEFAULT_RETRY_MS = 3_000;
/** A cut client stays away for up to half of the time that it stays, so that something is there to be replayed. */
const PAUSE_SHARE = 0.5;
/** No stream lives longer than so many times the mean. */
const MAX_CUT_FACTOR = 5;

function gapOf(content: unknown, toldMs: number): ToldGap {
  const text = (name: string) => textOf(fieldOf(content, name));
  const partition = fieldOf(content, "partition");
  return {
    source: text("source"),
    partition: typeof partition === "number" ? partition : null,
    from: text("from"),
    to: text("to"),
    reason: text("reason") ?? "",
    toldMs,
  };
}

/** Its ends are identities, of one partition. */
function droppedOf(content: unknown, toldMs: number): ToldGap {
  const [source = null, partition, from = null] = textOf(fieldOf(content, "from"))?.split(":") ?? [];
  const to = textOf(fieldOf(content, "to"))?.split(":")[2] ?? null;
  return {
    source,
    partition: partition === undefined ? null : Number(partition),
    from,
    to,
    reason: "events-dropped",
    toldMs,
  };
}

function fieldOf(content: unknown, name: string): unknown {
  return typeof content === "object" && content !== null ? Reflect.get(content, name) : undefined;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
