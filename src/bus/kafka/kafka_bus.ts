/**
 * A Kafka topic as an {@link EventBus}.
 *
 * Reading is assign-style: by position, over kafkajs' connections, without a consumer group (docs/decisions/kafkajs.md).
 * Fetches name the topic by its ID, so a topic that was created anew is never read by an old position, and the broker
 * itself says when a position is out of range. They name the leader epoch of what was read last, so it also says when its
 * log is another one from below the position on: an unclean election gives offsets twice. Where a batch ends is told by
 * the batch's header: transaction markers, aborted records and compacted ones leave no gap. Publishing is kafkajs'
 * idempotent producer, or its transactional one where records belong to several partitions.
 */
import type { RangeEvent } from "../../model/bus_record.ts";
import type { Offset } from "../../model/position.ts";
import {
  BusError,
  type EventBus,
  type FollowSink,
  type LogBounds,
  type PublishedPosition,
  type PublishRecord,
} from "../event_bus.ts";
import { PublishAllowance } from "../publish_allowance.ts";
import type { ConnectionSettings } from "./kafka_connection.ts";
import { KafkaCluster } from "./kafka_cluster.ts";
import { KafkaFollower } from "./kafka_follower.ts";
import { KAFKA_LIMITS, type KafkaBusOptions } from "./kafka_options.ts";
import { KafkaPublisher } from "./kafka_publisher.ts";
import { RangeReaders } from "./range_readers.ts";

export class KafkaBus implements EventBus {
  readonly source: string;
  readonly offsetFormat = "integer";
  readonly durability = "kafka";
  readonly #cluster: KafkaCluster;
  readonly #ranges: RangeReaders;
  readonly #publisher: KafkaPublisher;
  readonly #allowance = new PublishAllowance();
  readonly #follows = new Set<Promise<void>>();
  /** Of the log that positions given to a follow are of: the first one told, and the last that a follow was led into. */
  #epoch: string | null = null;

  /** Connects to nothing yet: every verb connects when it is first used. */
  constructor(options: KafkaBusOptions) {
    const settings: ConnectionSettings = {
      clientId: options.clientId ?? "tidegate",
      ssl: options.ssl === true ? {} : options.ssl || null,
      sasl: options.sasl ?? null,
      compression: options.compression ?? "none",
      limits: { ...KAFKA_LIMITS, ...options.limits },
    };
    this.source = options.source;
    this.#cluster = new KafkaCluster(options.topic, options.brokers, settings);
    this.#ranges = new RangeReaders(this.#cluster);
    this.#publisher = new KafkaPublisher(this.#cluster);
  }

  async bounds(tailRecords = 0): Promise<LogBounds> {
    this.#assertOpen("tell the bounds of");
    const bounds = await this.#cluster.bounds(tailRecords);
    // Not of a later look: whoever begins to follow again stands where the log was that it followed before.
    this.#epoch ??= bounds.epoch;
    return bounds;
  }

  async follow(from: ReadonlyMap<number, Offset>, sink: FollowSink, signal: AbortSignal): Promise<void> {
    this.#assertOpen("follow");
    const notingSink: FollowSink = async (event) => {
      await sink(event);
      if (event.kind === "epoch-changed") this.#epoch = event.bounds.epoch;
    };
    const run = new KafkaFollower(this.#cluster, notingSink, signal).run(from, this.#epoch);
    this.#follows.add(run);
    await run.finally(() => this.#follows.delete(run));
  }

  readRange(partition: number, from: Offset, to: Offset, signal: AbortSignal): AsyncIterable<RangeEvent> {
    this.#assertOpen("read");
    return this.#ranges.read(partition, from, to, signal);
  }

  async publish(records: readonly PublishRecord[]): Promise<readonly PublishedPosition[]> {
    this.#assertOpen("publish to");
    if (records.length === 0) return [];
    const name = `Kafka topic "${this.#cluster.topic}"`;
    return await this.#allowance.hold(name, records, () => this.#publisher.publish(records));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cluster[Symbol.dispose]();
    this.#ranges[Symbol.dispose]();
    await Promise.allSettled([this.#publisher[Symbol.asyncDispose](), ...this.#follows]);
  }

  #assertOpen(verb: string): void {
    if (!this.#cluster.closing.aborted) return;
    throw new BusError(`Cannot ${verb} Kafka topic "${this.#cluster.topic}": the bus was closed.`);
  }
}
