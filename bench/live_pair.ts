import { createParser } from "eventsource-parser";
import { LatencyHistogram } from "./latency_histogram.ts";
import type { LatencyFigures } from "./load_job.ts";
import type { RunningPeer } from "./peers/peer.ts";
import { signToken } from "./peers/sign_token.ts";

const USER = "live";
const TICK_MS = 10;
const EVENTS_A_SECOND = 100;

interface Sample {
  /** By `performance.now()` of this process. */
  readonly dueAtMs: number;
  readonly latencyMs: number;
}

/**
 * One publisher and one reader beside a load, in a process that does little else: what somebody notices whose stream is
 * open while others come back. Latency counts from when an event was due; what never came counts as long as it was waited
 * for.
 */
export class LivePair implements AsyncDisposable {
  readonly #gateway: RunningPeer;
  readonly #stream: ReadableStreamDefaultReader<string>;
  readonly #samples: Sample[] = [];
  readonly #onTheWay = new Map<number, number>();
  readonly #requests = new Set<Promise<void>>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isOver = false;
  #problem: unknown;
  #published = 0;

  private constructor(gateway: RunningPeer, body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#gateway = gateway;
    this.#stream = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Opens the stream and begins to publish. */
  static async start(gateway: RunningPeer): Promise<LivePair> {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/api/v1/events/stream?scope=user:${USER}`, {
      headers: { authorization: `Bearer ${signToken({ sub: USER })}` },
    });
    if (!response.ok || response.body === null) throw new Error(`Cannot open a live stream: ${response.status}`);
    const pair = new LivePair(gateway, response.body);
    void pair.#read();
    const startMs = performance.now();
    pair.#timer = setInterval(() => {
      while (startMs + pair.#published * 1_000 / EVENTS_A_SECOND <= performance.now()) {
        const request = pair.#publish(startMs + pair.#published * 1_000 / EVENTS_A_SECOND);
        pair.#requests.add(request);
        void request.finally(() => pair.#requests.delete(request));
      }
    }, TICK_MS);
    return pair;
  }

  /** Latencies of the events that were due in this time; `performance.now()` of this process. */
  figures(fromMs: number, toMs: number): LatencyFigures {
    if (this.#problem !== undefined) throw new Error("Cannot measure a live stream", { cause: this.#problem });
    const histogram = new LatencyHistogram();
    const isIn = (dueAtMs: number) => dueAtMs >= fromMs && dueAtMs < toMs;
    for (const { dueAtMs, latencyMs } of this.#samples) if (isIn(dueAtMs)) histogram.add(latencyMs);
    for (const dueAtMs of this.#onTheWay.values()) if (isIn(dueAtMs)) histogram.add(performance.now() - dueAtMs);
    return histogram.figures();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled(this.#requests);
    this.#isOver = true;
    await this.#stream.cancel();
  }

  async #publish(dueAtMs: number): Promise<void> {
    const number = this.#published++;
    this.#onTheWay.set(number, dueAtMs);
    try {
      const response = await fetch(`http://127.0.0.1:${this.#gateway.port}/api/v1/events`, {
        method: "POST",
        headers: {
          "authorization": `Bearer ${this.#gateway.publishing().token}`,
          "content-type": "application/json",
        },
        body: JSON.stringify({ event: "bench.live-sent", scope: `user:${USER}`, data: { number } }),
      });
      const text = await response.text();
      if (response.status !== 201) this.#problem ??= new Error(`Cannot publish: ${response.status} ${text}`);
    } catch (error) {
      this.#problem ??= error;
    }
  }

  async #read(): Promise<void> {
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event !== "bench.live-sent") return;
        const { number } = JSON.parse(data).data;
        const dueAtMs = this.#onTheWay.get(number);
        if (dueAtMs === undefined) return;
        this.#onTheWay.delete(number);
        this.#samples.push({ dueAtMs, latencyMs: performance.now() - dueAtMs });
      },
    });
    try {
      for (let chunk = await this.#stream.read(); !chunk.done; chunk = await this.#stream.read()) {
        parser.feed(chunk.value);
      }
      if (!this.#isOver) this.#problem ??= new Error("the stream ended");
    } catch (error) {
      this.#problem ??= error;
    }
  }
}
