import type { PublishRecord } from "../event_bus.ts";
import type { BatchOutcome } from "./idempotent_producer.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import type { KafkaRequest } from "./kafka_connection.ts";
import { KafkaError } from "./kafka_error.ts";
import { NodeConnections } from "./node_connections.ts";
import { produceRequest } from "./produce_request.ts";
import { ProducerSequences } from "./producer_sequences.ts";
import {
  addPartitionsRequest,
  endTransactionRequest,
  findCoordinatorRequest,
  initProducerRequest,
} from "./transaction_requests.ts";

type Batches = ReadonlyMap<number, readonly PublishRecord[]>;

/** An operator has to cure these; the same transaction again would fail again. */
const FINAL = new Set([10, 17, 18, 29, 31, 53, 87]);
/** The coordinator still completes the transaction before: it takes milliseconds. */
const CONCURRENT = 51;
const CONCURRENT_DELAY_MS = 5;
/** The coordinator has moved, is moving, or has not read its log yet. */
const COORDINATOR_MOVED = new Set([14, 15, 16]);
/** A transaction whose gateway died holds up every reader of its partitions for this long. */
const TRANSACTION_TIMEOUT_MS = 15_000;

/**
 * Appends batches to several partitions, all of them or none, by a transaction. One call at a time. An attempt that
 * fails before its commit is aborted, at the latest by the next one's new identity, so it can be made again.
 */
export class TransactionalProducer {
  readonly #cluster: KafkaCluster;
  readonly #connections: NodeConnections;
  readonly #transactionalId: string;
  #sequences: ProducerSequences | null = null;
  #coordinator: number | null = null;

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#connections = new NodeConnections(cluster);
    // Of this process alone: nodes must not fence each other off. The broker forgets unused ones after seven days.
    this.#transactionalId = `${cluster.settings.clientId}-${crypto.randomUUID()}`;
  }

  /** One outcome for all. @param deadlineMs of `performance.now()` */
  async send(batches: Batches, deadlineMs: number): Promise<ReadonlyMap<number, BatchOutcome>> {
    let cause: unknown = null;
    for (let attempt = 0; attempt === 0 || performance.now() < deadlineMs; attempt++) {
      if (attempt > 0) await this.#cluster.backOff(attempt, deadlineMs);
      if (this.#cluster.closing.aborted) break;
      try {
        const bases = await this.#write(batches, attempt === 0, deadlineMs);
        if (!await this.#commit(deadlineMs)) return failed(batches, new Error("the commit was not answered"), true);
        for (const [partition, records] of batches) this.#sequences?.taken(partition, records.length);
        return bases;
      } catch (error) {
        cause = error;
        this.#sequences = null;
        if (error instanceof KafkaError && COORDINATOR_MOVED.has(error.code)) this.#coordinator = null;
        if (error instanceof KafkaError && FINAL.has(error.code)) break;
      }
    }
    // Nothing was committed; leaving it open would hold up the readers until the broker's timeout.
    await this.#begin(true, performance.now() + this.#cluster.settings.limits.retryMinMs).catch(() => {});
    return failed(batches, cause, false);
  }

  close(): void {
    this.#connections.close("the bus was closed");
  }

  async #write(batches: Batches, isFirst: boolean, deadlineMs: number): Promise<Map<number, BatchOutcome>> {
    const { topic } = this.#cluster;
    const metadata = await this.#cluster.topicMetadata(isFirst ? Infinity : 0);
    await this.#begin(false, deadlineMs);
    const sequences = this.#sequences;
    if (sequences === null) throw new KafkaError(-1);
    const partitions = [...batches.keys()];
    await this.#askCoordinator(deadlineMs, (id) => addPartitionsRequest(id, sequences.identity, topic, partitions));
    const outcomes = new Map<number, BatchOutcome>();
    const ofLeaders = Map.groupBy(batches, ([partition]) => metadata.partitions.get(partition)?.leader ?? -1);
    await Promise.all(
      [...ofLeaders].map(async ([leader, led]) => {
        if (leader < 0) throw new KafkaError(5);
        const connection = await this.#connections.to(leader);
        const timeoutMs = left(deadlineMs);
        const encoded = new Map(led.map(([partition, records]) => [partition, sequences.batch(partition, records)]));
        const query = { topic, transactionalId: this.#transactionalId, timeoutMs, batches: encoded };
        const answer = await connection.request(produceRequest(query), timeoutMs);
        for (const [partition] of led) {
          const { errorCode, base } = answer.partitions.get(partition) ?? { errorCode: -1, base: -1n };
          if (errorCode !== 0) throw new KafkaError(errorCode);
          outcomes.set(partition, { kind: "written", base });
        }
      }),
    );
    return outcomes;
  }

  /** An identity, by which the coordinator aborts whatever was left open. */
  async #begin(isAnew: boolean, deadlineMs: number): Promise<void> {
    if (this.#sequences !== null && !isAnew) return;
    if (isAnew && this.#coordinator === null) return;
    const request = (id: string) => initProducerRequest(id, TRANSACTION_TIMEOUT_MS);
    this.#sequences = new ProducerSequences(await this.#askCoordinator(deadlineMs, request), true);
  }

  /** True when committed, false when nobody can know. Rejects when it surely was not. */
  async #commit(deadlineMs: number): Promise<boolean> {
    const sequences = this.#sequences;
    if (sequences === null) throw new KafkaError(-1);
    for (let attempt = 0;; attempt++) {
      try {
        await this.#askCoordinator(deadlineMs, (id) => endTransactionRequest(id, sequences.identity, true));
        return true;
      } catch (error) {
        const isMoved = error instanceof KafkaError && COORDINATOR_MOVED.has(error.code);
        // Refused at the first attempt: it has not been committed. Later, the lost attempt may have done it.
        if (error instanceof KafkaError && !isMoved && attempt === 0) throw error;
        const isLate = performance.now() >= deadlineMs || this.#cluster.closing.aborted;
        if (isLate || (error instanceof KafkaError && !isMoved)) {
          this.#sequences = null;
          return false;
        }
        this.#coordinator = null;
        await this.#cluster.backOff(attempt + 1, deadlineMs);
      }
    }
  }

  async #askCoordinator<Answer extends { readonly throttleMs: number; readonly errorCode: number }>(
    deadlineMs: number,
    request: (transactionalId: string) => KafkaRequest<Answer>,
  ): Promise<Answer> {
    for (;;) {
      this.#coordinator ??= await this.#findCoordinator();
      const connection = await this.#connections.to(this.#coordinator);
      const answer = await connection.request(request(this.#transactionalId), left(deadlineMs));
      if (answer.errorCode === 0) return answer;
      if (answer.errorCode !== CONCURRENT || performance.now() >= deadlineMs) throw new KafkaError(answer.errorCode);
      await new Promise((resolve) => setTimeout(resolve, CONCURRENT_DELAY_MS));
    }
  }

  async #findCoordinator(): Promise<number> {
    const answer = await this.#cluster.askAny(findCoordinatorRequest(this.#transactionalId));
    if (answer.errorCode !== 0) throw new KafkaError(answer.errorCode);
    return answer.nodeId;
  }
}

function left(deadlineMs: number): number {
  return Math.max(1, Math.ceil(deadlineMs - performance.now()));
}

function failed(batches: Batches, cause: unknown, mayHaveBeenWritten: boolean): ReadonlyMap<number, BatchOutcome> {
  return new Map([...batches.keys()].map((partition) => [partition, { kind: "failed", cause, mayHaveBeenWritten }]));
}
