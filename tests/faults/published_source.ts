import { formatOffset } from "../../src/model/position.ts";
import type { AcceptedEvent } from "../checker/client_history.ts";
import type { GatewayProcess } from "../support/gateway_process.ts";
import type { TcpProxy } from "../support/tcp_proxy.ts";
import type { FaultSource, OutgoingRecord, ReadableSource, StoredRecord } from "./fault_source.ts";
import { keyOf } from "./load.ts";
import type { RecordedLog } from "./recorded_log.ts";

/** An event that is on its way into the log. */
export interface OutgoingEvent extends AcceptedEvent {
  readonly scopes: readonly [string];
}

/** How events come into the log through the gateways. */
export interface EventWriter extends AsyncDisposable {
  /** Sections of the gateways' configuration that it needs. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** Whether the events of one scope keep the order in which they were written. */
  readonly isOrdered: boolean;
  attach(nodes: readonly GatewayProcess[]): Promise<void>;
  /** Resolves when they were accepted, however often it has to ask. */
  write(events: readonly OutgoingEvent[]): Promise<void>;
  /** Resolves when all that was accepted must be in the log. */
  settle(): Promise<void>;
  /** What is wrong with the copies of one event that the log holds, the oldest first. */
  judge(key: string, copies: readonly StoredRecord[]): string | undefined;
}

/**
 * A log that only the gateways write, and the suite only reads: what was accepted must be in it, more than once only where
 * that may be.
 */
export class PublishedSource<Inner extends ReadableSource, Writer extends EventWriter> implements FaultSource {
  readonly inner: Inner;
  readonly writer: Writer;
  /** Events of which the row has caused a second copy; the log must hold as many, or the row has missed its point. */
  copiesDue = 0;
  readonly #written = new Map<string, OutgoingEvent>();
  /** Keys of what was written and the writer has been told so: what is still on its way need not be in the log. */
  readonly #accepted = new Set<string>();
  readonly #known = new Set<string>();
  #readCount = -1;

  constructor(inner: Inner, writer: Writer) {
    this.inner = inner;
    this.writer = writer;
  }

  get log(): RecordedLog {
    return this.inner.log;
  }

  get proxy(): TcpProxy {
    return this.inner.proxy;
  }

  get config(): Readonly<Record<string, unknown>> {
    return { ...this.inner.config, format: "tidegate" };
  }

  get sections(): Readonly<Record<string, unknown>> {
    return { mappings: {}, ...this.writer.sections };
  }

  async attach(nodes: readonly GatewayProcess[]): Promise<void> {
    await this.writer.attach(nodes);
  }

  /** Records that are for nobody are left out: nobody publishes those. */
  async append(records: readonly OutgoingRecord[]): Promise<void> {
    const events = records.flatMap(({ event }) => {
      const [scope] = event?.scopes ?? [];
      return event === undefined || scope === undefined ? [] : [{ ...event, scopes: [scope] as const }];
    });
    for (const event of events) this.#written.set(event.key, event);
    await this.writer.write(events);
    for (const { key } of events) this.#accepted.add(key);
  }

  async takeStock(): Promise<void> {
    await this.inner.takeStock();
    const accepted = new Set(this.#accepted);
    if (this.#readCount === accepted.size) return;
    await this.writer.settle();
    const stored = new Map<string, StoredRecord[]>();
    await this.inner.readAll((record) => {
      const key = keyOf(record.value);
      stored.set(key, [...stored.get(key) ?? [], record]);
      const place = `${record.partition}:${formatOffset(record.offset, this.log.format)}`;
      if (!this.#known.has(place)) this.log.accept(record.partition, record.offset, this.#written.get(key));
      this.#known.add(place);
    });
    this.#judge(accepted, stored);
    this.#readCount = accepted.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer[Symbol.asyncDispose]();
    await this.inner[Symbol.asyncDispose]();
  }

  #judge(accepted: ReadonlySet<string>, stored: ReadonlyMap<string, readonly StoredRecord[]>): void {
    const wrong = [...accepted].flatMap((key) => {
      const copies = stored.get(key) ?? [];
      return copies.length === 0 ? [`${key} was accepted and is not in the log`] : this.writer.judge(key, copies) ?? [];
    });
    const copies = [...stored.values()].reduce((sum, { length }) => sum + length - 1, 0);
    if (copies < this.copiesDue) wrong.push(`the log holds ${copies} second copies, of ${this.copiesDue} that are due`);
    if (this.writer.isOrdered) wrong.push(...this.#disorder(accepted, stored));
    if (wrong.length > 0) throw new Error(`The log of ${this.log.source} is wrong:\n${wrong.slice(0, 10).join("\n")}`);
  }

  /** First copies of a scope that are not in the order in which they were written. */
  #disorder(accepted: ReadonlySet<string>, stored: ReadonlyMap<string, readonly StoredRecord[]>): string[] {
    const last = new Map<string, bigint>();
    return [...this.#written].filter(([key]) => accepted.has(key)).flatMap(([key, { scopes: [scope] }]) => {
      const offset = stored.get(key)?.[0]?.offset ?? -1n;
      const before = last.get(scope) ?? -1n;
      last.set(scope, offset);
      return offset > before ? [] : [`${key} is ahead of an event of ${scope} that was written before it`];
    });
  }
}
