import type { Offset } from "../../model/position.ts";
import { BusError, type PublishRecord } from "../event_bus.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaError } from "./kafka_error.ts";
import { NodeConnections } from "./node_connections.ts";
import { type ProduceAnswer, produceRequest } from "./produce_request.ts";
import { ProducerSequences } from "./producer_sequences.ts";
import { initProducerRequest } from "./transaction_requests.ts";

/** What became of one partition's batch. */
export type BatchOutcome =
  | { readonly kind: "written"; readonly base: Offset }
  | { readonly kind: "failed"; readonly cause: unknown; readonly mayHaveBeenWritten: boolean };

/** Not written, and the next attempt, at the leader that the metadata name then, may be. */
const RETRIABLE = new Set([3, 5, 6, 9, 19, 56, 74, 75, 76]);
/** Perhaps written: the same batch again is recognised as the same. */
const RETRIABLE_AMBIGUOUS = new Set([-1, 7, 20]);
/** The broker has forgotten the producer, or expects another sequence. */
const BROKEN_SEQUENCE = new Set([45, 47, 59]);
const ALREADY_WRITTEN = 46;

/** A partition's records on their way. */
interface Delivery {
  readonly partition: number;
  readonly records: readonly PublishRecord[];
  batch: Uint8Array | null;
  /** An attempt's answer was lost. */
  isAmbiguous: boolean;
  lastCause: unknown;
}

/**
 * Appends one batch to each of some partitions, each taken or refused by itself, none twice: the broker knows a batch
 * that is sent again by the producer's ID and sequence. One call at a time.
 */
export class IdempotentProducer {
  readonly #cluster: KafkaCluster;
  readonly #connections: NodeConnections;
  #sequences: ProducerSequences | null = null;

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#connections = new NodeConnections(cluster);
  }

  /** @param deadlineMs of `performance.now()` */
  async send(
    batches: ReadonlyMap<number, readonly PublishRecord[]>,
    deadlineMs: number,
  ): Promise<ReadonlyMap<number, BatchOutcome>> {
    const outcomes = new Map<number, BatchOutcome>();
    let waiting = [...batches].map(([partition, records]): Delivery => (
      { partition, records, batch: null, isAmbiguous: false, lastCause: null }
    ));
    for (let attempt = 0; waiting.length > 0; attempt++) {
      if (attempt > 0) await this.#cluster.backOff(attempt, deadlineMs);
      if (attempt > 0 && (performance.now() >= deadlineMs || this.#cluster.closing.aborted)) break;
      await this.#attempt(waiting, outcomes, attempt === 0, deadlineMs);
      waiting = waiting.filter(({ partition }) => !outcomes.has(partition));
    }
    for (const { partition, isAmbiguous, lastCause } of waiting) {
      outcomes.set(partition, { kind: "failed", cause: lastCause, mayHaveBeenWritten: isAmbiguous });
    }
    // What the broker has of a lost batch is unknown, and so is the next sequence: go on as another producer.
    const isUncertain = (outcome: BatchOutcome) => outcome.kind === "failed" && outcome.mayHaveBeenWritten;
    if (outcomes.values().some(isUncertain)) this.#sequences = null;
    return outcomes;
  }

  close(): void {
    this.#connections.close("the bus was closed");
  }

  async #attempt(
    waiting: readonly Delivery[],
    outcomes: Map<number, BatchOutcome>,
    isFirst: boolean,
    deadlineMs: number,
  ): Promise<void> {
    try {
      const { partitions } = await this.#cluster.topicMetadata(isFirst ? PRODUCER_METADATA_AGE_MS : 0);
      const ofLeaders = Map.groupBy(waiting, ({ partition }) => partitions.get(partition)?.leader ?? -1);
      await Promise.all(
        [...ofLeaders].map(async ([leader, deliveries]) => {
          const answer = await this.#ask(leader, deliveries, deadlineMs);
          for (const delivery of deliveries) this.#settle(delivery, answer, outcomes);
        }),
      );
    } catch (cause) {
      for (const delivery of waiting) delivery.lastCause ??= cause;
    }
  }

  async #ask(leader: number, deliveries: readonly Delivery[], deadlineMs: number): Promise<ProduceAnswer | null> {
    const timeoutMs = Math.max(1, Math.ceil(deadlineMs - performance.now()));
    try {
      if (leader < 0) throw new KafkaError(5);
      const connection = await this.#connections.to(leader);
      if (this.#sequences === null) {
        const identity = await connection.request(initProducerRequest(null, timeoutMs), timeoutMs);
        if (identity.errorCode !== 0) throw new KafkaError(identity.errorCode);
        // Another leader's part of this attempt may have been here meanwhile.
        this.#sequences ??= new ProducerSequences(identity, false);
      }
      const batches = new Map<number, Uint8Array>();
      for (const delivery of deliveries) {
        delivery.batch ??= this.#sequences.batch(delivery.partition, delivery.records);
        batches.set(delivery.partition, delivery.batch);
      }
      const wasAmbiguous = deliveries.map(({ isAmbiguous }) => isAmbiguous);
      for (const delivery of deliveries) delivery.isAmbiguous = true;
      const query = { topic: this.#cluster.topic, transactionalId: null, timeoutMs, batches };
      const answer = await connection.request(produceRequest(query), timeoutMs);
      deliveries.forEach((delivery, index) => delivery.isAmbiguous = wasAmbiguous[index] ?? false);
      return answer;
    } catch (cause) {
      for (const delivery of deliveries) delivery.lastCause = cause;
      return null;
    }
  }

  #settle(delivery: Delivery, answer: ProduceAnswer | null, outcomes: Map<number, BatchOutcome>): void {
    if (answer === null) return;
    const { partition, records } = delivery;
    const { errorCode, base } = answer.partitions.get(partition) ?? { errorCode: -1, base: -1n };
    if (errorCode === 0) {
      this.#sequences?.taken(partition, records.length);
      outcomes.set(partition, { kind: "written", base });
      return;
    }
    delivery.lastCause = new KafkaError(errorCode);
    if (RETRIABLE.has(errorCode)) return;
    if (RETRIABLE_AMBIGUOUS.has(errorCode)) {
      delivery.isAmbiguous = true;
      return;
    }
    if (BROKEN_SEQUENCE.has(errorCode) && !delivery.isAmbiguous) {
      this.#sequences = null;
      delivery.batch = null;
      return;
    }
    const mayHaveBeenWritten = delivery.isAmbiguous || errorCode === ALREADY_WRITTEN;
    outcomes.set(partition, { kind: "failed", cause: delivery.lastCause, mayHaveBeenWritten });
  }
}

/** A producer learns of new partitions and moved leaders from refusals, and of the former also by looking now and then. */
export const PRODUCER_METADATA_AGE_MS = 30_000;

/** Rejects a publish with what became of its batch. */
export function failureOf(topic: string, outcome: Extract<BatchOutcome, { kind: "failed" }>): BusError {
  const why = outcome.cause instanceof Error ? outcome.cause.message : String(outcome.cause);
  return new BusError(`Cannot publish to Kafka topic "${topic}": ${why}`, {
    cause: outcome.cause,
    mayHaveBeenWritten: outcome.mayHaveBeenWritten,
  });
}
