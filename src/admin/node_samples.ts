/** What one node does, once a second; plain JSON. */
export interface NodeSample {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly streams: number;
  /** Per second, since the sample before. */
  readonly rates: Rates;
  /** How late the sample's own timer came: the event loop is that busy. */
  readonly loopDelayMs: number;
  /** Memory of the process. */
  readonly rssBytes: number;
}

/** Sums since the process started, or what they grew by in a second. */
export interface Rates {
  readonly records: number;
  readonly deliveries: number;
  readonly dropped: number;
  readonly deadLetters: number;
  readonly shed: number;
  readonly published: number;
}

const SAMPLE_MS = 1_000;
/** Two minutes: what a chart shows. */
const MAX_SAMPLES = 120;

/** The last two minutes of a node, for charts that are full when they are opened. */
export class NodeSamples implements Disposable {
  readonly #read: () => Promise<{ readonly streams: number; readonly totals: Rates }>;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #samples: NodeSample[] = [];
  #before: { readonly atMs: number; readonly totals: Rates } | undefined;
  #isReading = false;

  constructor(read: () => Promise<{ readonly streams: number; readonly totals: Rates }>) {
    this.#read = read;
    this.#timer = setInterval(() => void this.#take(), SAMPLE_MS);
  }

  /** The samples behind a time, the oldest first. */
  since(atMs: number): readonly NodeSample[] {
    return this.#samples.filter((sample) => sample.atMs > atMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #take(): Promise<void> {
    const atMs = performance.now();
    if (this.#isReading) return;
    this.#isReading = true;
    // What cannot be read is a second without a sample; figures are not worth a process.
    const read = await this.#read().catch(() => undefined);
    this.#isReading = false;
    if (read === undefined) return;
    const { streams, totals } = read;
    const before = this.#before;
    this.#before = { atMs, totals };
    if (before === undefined) return;
    const passedMs = atMs - before.atMs;
    const rate = (name: keyof Rates) => Math.max(0, (totals[name] - before.totals[name]) * 1_000 / passedMs);
    this.#samples.push({
      atMs: Date.now(),
      streams,
      rates: {
        records: rate("records"),
        deliveries: rate("deliveries"),
        dropped: rate("dropped"),
        deadLetters: rate("deadLetters"),
        shed: rate("shed"),
        published: rate("published"),
      },
      loopDelayMs: Math.max(0, passedMs - SAMPLE_MS),
      rssBytes: Deno.memoryUsage().rss,
    });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }
}
