import type { PublishRecord } from "../event_bus.ts";
import { writeRecordBatch } from "./record_batch_writer.ts";
import type { ProducerIdentity } from "./transaction_requests.ts";

/** Sequences are 31 bits and start again at 0. */
const SEQUENCES = 2 ** 31;

/** A producer as the broker knows it, and which sequence each partition expects of it next. */
export class ProducerSequences {
  readonly identity: ProducerIdentity;
  readonly #isTransactional: boolean;
  readonly #next = new Map<number, number>();

  constructor(identity: ProducerIdentity, isTransactional: boolean) {
    this.identity = identity;
    this.#isTransactional = isTransactional;
  }

  /** The partition's next batch. Written again, it is the same to the broker, until {@link taken} is called. */
  batch(partition: number, records: readonly PublishRecord[]): Uint8Array {
    const firstSequence = this.#next.get(partition) ?? 0;
    const identity = { ...this.identity, firstSequence, isTransactional: this.#isTransactional };
    return writeRecordBatch(records, identity, Date.now());
  }

  /** The broker has taken that many records. */
  taken(partition: number, count: number): void {
    this.#next.set(partition, ((this.#next.get(partition) ?? 0) + count) % SEQUENCES);
  }
}
