import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";

/**
 * What prom-client cannot know here, and would give as nearly 0; a graph of zeros looks like an idle gateway. Deno opens
 * `/proc` only to a process with every permission, and its `monitorEventLoopDelay` does not see a loop that is held up.
 * `nodejs_eventloop_lag_seconds`, taken at each scrape, is right.
 */
const UNREADABLE = [
  "process_resident_memory_bytes",
  "process_virtual_memory_bytes",
  "process_heap_bytes",
  "process_open_fds",
  ...["min", "max", "mean", "stddev", "p50", "p90", "p99"].map((figure) => `nodejs_eventloop_lag_${figure}_seconds`),
];

/**
 * Every metric of the gateway. Label values come from the configuration or from our own tables, never from a request,
 * a token or a record, so the number of series is fixed when the process starts.
 */
export class GatewayMetrics {
  readonly #registry = new Registry();
  readonly streamsOpened = this.#counter("tidegate_streams_opened_total", "Streams opened", []);
  readonly streamsEnded = this.#counter("tidegate_streams_ended_total", "Streams ended, by close reason", ["reason"]);
  readonly streamsRefused = this.#counter("tidegate_streams_refused_total", "Streams refused softly", ["reason"]);
  readonly tokensRenewed = this.#counter("tidegate_tokens_renewed_total", "Tokens of open streams renewed", []);
  readonly deliveries = this.#counter("tidegate_deliveries_total", "Frames handed to live streams", []);
  readonly framesShed = this.#counter("tidegate_frames_shed_total", "Low-priority frames shed for slow readers", []);
  readonly records = this.#counter("tidegate_records_total", "Records read, by what the pipeline made of them", [
    "source",
    "outcome",
  ]);
  readonly recordsDropped = this.#counter(
    "tidegate_records_dropped_total",
    "Records withheld, by rule or missing field",
    [
      "source",
      "by",
    ],
  );
  readonly deadLetters = this.#counter("tidegate_dead_letters_total", "Records that could not be mapped", [
    "source",
    "reason",
  ]);
  readonly deadLettersUnkept = this.#counter(
    "tidegate_dead_letters_unkept_total",
    "Dead letters that a place did not take: they are in the log alone",
    ["place"],
  );
  readonly gaps = this.#counter("tidegate_gaps_total", "Gaps met while reading a source", ["source", "reason"]);
  readonly replays = this.#counter("tidegate_replays_total", "Replays brought to the head, by the deepest place read", [
    "origin",
  ]);
  readonly historyUp = this.#gauge("tidegate_history_up", "Whether the history is written and read", []);
  readonly historyWritten = this.#counter("tidegate_history_written_total", "Entries brought to the history", []);
  readonly historyDropped = this.#counter(
    "tidegate_history_dropped_total",
    "Entries that the spool had no room for",
    [],
  );
  readonly published = this.#counter("tidegate_published_total", "Events accepted by POST /api/v1/events", []);
  readonly requests = this.#counter("tidegate_requests_total", "Requests answered, by route and status", [
    "route",
    "status",
  ]);
  readonly outboxPublished = this.#counter("tidegate_outbox_published_total", "Rows of the outbox published", []);
  readonly outboxFailed = this.#counter("tidegate_outbox_failed_total", "Rows of the outbox set aside", []);
  readonly outboxUp = this.#gauge("tidegate_outbox_up", "Whether the outbox's database is reached", []);
  readonly sourceUp = this.#gauge("tidegate_source_up", "Whether a source is attached", ["source"]);

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const name of UNREADABLE) this.#registry.removeSingleMetric(name);
    this.observe("process_resident_memory_bytes", "Resident memory size in bytes", () => Deno.memoryUsage().rss);
  }

  /** A gauge that is read when it is scraped. */
  observe(name: string, help: string, read: () => number): void {
    const collect = function (this: Gauge) {
      this.set(read());
    };
    this.#registry.registerMetric(new Gauge({ name, help, registers: [], collect }));
  }

  /** The sum of a counter over all its labels. */
  async sum(counter: Counter<string>): Promise<number> {
    const { values } = await counter.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  }

  /** Prometheus text, with its media type. */
  async text(): Promise<{ readonly body: string; readonly contentType: string }> {
    return { body: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }
}
