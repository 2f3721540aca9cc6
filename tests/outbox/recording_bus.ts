import type { OutboxBus, OutboxRecord } from "../../src/outbox/outbox_row.ts";

/** A published record as a test looks at it. */
export interface Recorded {
  readonly recordID: string;
  readonly key: string;
  /** The native record's `data`. */
  readonly data: unknown;
}

/** A bus that keeps what it is given, and does before and after what a test wants. */
export class RecordingBus implements OutboxBus {
  readonly source = "recorded";
  isAway = false;
  readonly batches: Recorded[][] = [];
  /** Runs first; what it throws is the bus's refusal. */
  before: (batch: readonly Recorded[]) => Promise<void> | void = () => {};
  /** Runs when the records are taken and before that is confirmed. */
  after: () => Promise<void> | void = () => {};
  #changed = Promise.withResolvers<void>();

  get records(): readonly Recorded[] {
    return this.batches.flat();
  }

  get data(): readonly unknown[] {
    return this.records.map(({ data }) => data);
  }

  async publish(records: readonly OutboxRecord[]): Promise<void> {
    const batch = records.map(recorded);
    if (this.isAway) throw new Error("the bus is away");
    await this.before(batch);
    this.batches.push(batch);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    await this.after();
  }

  async isReachable(): Promise<boolean> {
    return !this.isAway;
  }

  /** Resolves when so many records were taken; rejects when they are not within the time. */
  async until(count: number, timeoutMs = 20_000): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) =>
      timer = setTimeout(() => reject(new Error(`${this.records.length} of ${count} records came`)), timeoutMs)
    );
    try {
      while (this.records.length < count) await Promise.race([this.#changed.promise, late]);
    } finally {
      clearTimeout(timer);
      late.catch(() => {});
    }
  }
}

function recorded({ key, value, headers }: OutboxRecord): Recorded {
  const decoder = new TextDecoder();
  return {
    recordID: decoder.decode(headers.get("tidegate-outbox-id")),
    key: decoder.decode(key),
    data: JSON.parse(decoder.decode(value)).data,
  };
}
