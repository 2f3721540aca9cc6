import { createHash } from "node:crypto";
import type { Offset } from "../../model/position.ts";
import { BusError, type LogBounds, type PartitionBounds } from "../event_bus.ts";
import {
  type BrokerAddress,
  type ConnectionSettings,
  KafkaConnection,
  type KafkaRequest,
  type Throttled,
} from "./kafka_connection.ts";
import { KafkaError } from "./kafka_error.ts";
import { listOffsetsRequest } from "./list_offsets_request.ts";
import { type MetadataAnswer, metadataRequest } from "./metadata_request.ts";

/** Where a partition begins, and where a reader of committed records stands at its end. */
export type PartitionLimits = Pick<PartitionBounds, "first" | "next">;

/** A leader that has just moved answers once more, or not at all; then the metadata are asked for again. */
const MAX_BOUNDS_ATTEMPTS = 3;

/**
 * What a bus knows of its cluster: who leads which partition of the topic, and which incarnation of it. Its requests
 * are short; they share one connection a broker, apart from those that fetch.
 */
export class KafkaCluster implements Disposable {
  readonly topic: string;
  readonly settings: ConnectionSettings;
  /** As configured: `host:port`. */
  readonly brokers: readonly string[];
  readonly #bootstrap: readonly BrokerAddress[];
  readonly #closing = new AbortController();
  readonly #connections = new Map<string, Promise<KafkaConnection>>();
  /** The broker that answered last is asked again: two brokers may differ for a moment, one does not go back. */
  #preferred: BrokerAddress | null = null;
  #latest: MetadataAnswer | null = null;
  #latestAtMs = -Infinity;

  constructor(topic: string, brokers: readonly string[], settings: ConnectionSettings) {
    this.topic = topic;
    this.settings = settings;
    this.brokers = brokers;
    this.#bootstrap = shuffled(brokers.map(addressOf));
  }

  /** Aborted when the bus is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The topic's metadata, the last ones known when they are younger than `maxAgeMs`. Rejects when there is no such topic. */
  async topicMetadata(maxAgeMs: number): Promise<MetadataAnswer> {
    const isOld = this.#latest === null || performance.now() - this.#latestAtMs >= maxAgeMs;
    if (isOld || this.#latest === null) {
      this.#latest = await this.#askAny(metadataRequest(this.topic));
      this.#latestAtMs = performance.now();
    }
    const metadata = this.#latest;
    if (metadata.errorCode !== 0) throw new KafkaError(metadata.errorCode);
    return metadata;
  }

  /** A new connection to the partition's or group's node; the caller closes it. */
  connect(nodeId: number, signal: AbortSignal): Promise<KafkaConnection> {
    const address = this.#latest?.brokers.get(nodeId);
    if (address === undefined) throw new BusError(`Cannot connect to Kafka's node ${nodeId}: no broker names it.`);
    return KafkaConnection.open(address, this.settings, AbortSignal.any([signal, this.closing]));
  }

  /** Limits and epoch, both of one incarnation of the topic. */
  async bounds(tailRecords: number): Promise<LogBounds> {
    for (let attempt = 1;; attempt++) {
      try {
        const before = await this.topicMetadata(0);
        const limits = await this.limits([...before.partitions.keys()]);
        const after = await this.topicMetadata(0);
        if (before.topicId !== after.topicId) throw new KafkaError(103);
        const partitions = new Map<number, PartitionBounds>();
        for (const [partition, { first, next }] of limits) {
          const tail = next - BigInt(tailRecords);
          partitions.set(partition, { first, tail: tail > first ? tail : first, next });
        }
        return { epoch: epochOf(after), partitions };
      } catch (cause) {
        if (attempt < MAX_BOUNDS_ATTEMPTS && !this.closing.aborted) {
          await this.backOff(attempt);
          continue;
        }
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new BusError(`Cannot tell the bounds of Kafka topic "${this.topic}": ${why}`, { cause });
      }
    }
  }

  /** Limits of these partitions, asked of their leaders by the last known metadata. */
  async limits(partitions: readonly number[]): Promise<Map<number, PartitionLimits>> {
    const limits = new Map<number, PartitionLimits>();
    const ofLeaders = Map.groupBy(partitions, (partition) => this.#latest?.partitions.get(partition)?.leader ?? -1);
    await Promise.all(
      [...ofLeaders].map(async ([leader, led]) => {
        const address = this.#latest?.brokers.get(leader);
        if (address === undefined) throw new KafkaError(5);
        const [first, next] = await Promise.all([
          this.#ask(address, listOffsetsRequest(this.topic, led, "first")),
          this.#ask(address, listOffsetsRequest(this.topic, led, "next")),
        ]);
        for (const partition of led) {
          limits.set(partition, {
            first: offsetOf(first.partitions.get(partition)),
            next: offsetOf(next.partitions.get(partition)),
          });
        }
      }),
    );
    return new Map(partitions.map((partition) => [partition, limits.get(partition) ?? { first: 0n, next: 0n }]));
  }

  /** Waits before the next attempt, longer each time, with full jitter; never beyond the deadline or the signal. */
  async backOff(attempt: number, deadlineMs = Infinity, signal = this.closing): Promise<void> {
    const { retryMinMs, retryMaxMs } = this.settings.limits;
    const ceilingMs = Math.min(retryMinMs * 2 ** (attempt - 1), retryMaxMs);
    const delayMs = Math.min(Math.random() * ceilingMs, deadlineMs - performance.now());
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, delayMs);
    const end = () => resolve();
    signal.addEventListener("abort", end);
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }

  [Symbol.dispose](): void {
    this.#closing.abort(new BusError(`Cannot go on with Kafka topic "${this.topic}": the bus was closed.`));
    for (const connection of this.#connections.values()) {
      connection.then((opened) => opened.close("the bus was closed"), () => {});
    }
    this.#connections.clear();
  }

  #candidates(): readonly BrokerAddress[] {
    const known = new Map<string, BrokerAddress>();
    const all = [...this.#preferred === null ? [] : [this.#preferred], ...this.#bootstrap];
    for (const address of [...all, ...this.#latest?.brokers.values() ?? []]) known.set(textOf(address), address);
    return [...known.values()];
  }

  /** The answer of the first broker that gives one. Rejects with a {@link BusError} when none does. */
  async #askAny<Answer extends Throttled>(request: KafkaRequest<Answer>): Promise<Answer> {
    let last: unknown = null;
    for (const address of this.#candidates()) {
      try {
        const answer = await this.#ask(address, request);
        this.#preferred = address;
        return answer;
      } catch (error) {
        last = error;
        if (this.closing.aborted) break;
      }
    }
    const why = last instanceof Error ? last.message : String(last);
    throw new BusError(`Cannot reach the Kafka cluster of topic "${this.topic}": no broker answers. ${why}`, {
      cause: last,
    });
  }

  async #ask<Answer extends Throttled>(address: BrokerAddress, request: KafkaRequest<Answer>): Promise<Answer> {
    const connection = await this.#shared(address);
    return await connection.request(request, this.settings.limits.requestTimeoutMs);
  }

  async #shared(address: BrokerAddress): Promise<KafkaConnection> {
    this.closing.throwIfAborted();
    const name = textOf(address);
    const known = this.#connections.get(name);
    if (known !== undefined) {
      const connection = await known.catch(() => null);
      if (connection?.isOpen) return connection;
      // Whoever saw first that it is gone opens the next one; the others find that one here.
      if (this.#connections.get(name) === known) this.#connections.delete(name);
      else return await this.#shared(address);
    }
    const opening = KafkaConnection.open(address, this.settings, this.closing);
    this.#connections.set(name, opening);
    return await opening;
  }
}

/** Cluster and topic ID in 48 bits of a hash: equal on all nodes, another one when the topic is created anew. */
export function epochOf(metadata: MetadataAnswer): string {
  return createHash("sha256").update(`${metadata.clusterId}/${metadata.topicId}`).digest("base64url").slice(0, 8);
}

function offsetOf(answer: { readonly errorCode: number; readonly offset: Offset } | undefined): Offset {
  if (answer === undefined || answer.errorCode !== 0) throw new KafkaError(answer?.errorCode ?? -1);
  return answer.offset;
}

function addressOf(text: string): BrokerAddress {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(text.slice(colon + 1)) };
}

function textOf({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items.map((item) => ({ item, order: Math.random() })).sort((a, b) => a.order - b.order).map(({ item }) =>
    item
  );
}
