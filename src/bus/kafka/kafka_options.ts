import type { Compression } from "./compression_codecs.ts";

/** How a Kafka topic is reached: plain data, as the configuration gives it. */
export interface KafkaBusOptions {
  /** The configured name of the source. */
  readonly source: string;
  /** `host:port` of some brokers of the cluster; the others are found through them. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** What the brokers' logs and quotas call us. Default `tidegate`. */
  readonly clientId?: string;
  /** True: TLS with the system's authorities; default none. */
  readonly ssl?: boolean | KafkaTls;
  /** Default none. */
  readonly sasl?: KafkaSasl;
  /** Of what is published; default none. What is read may be compressed in any way. */
  readonly compression?: Compression;
  /** Defaults: {@link KAFKA_LIMITS}. */
  readonly limits?: Partial<KafkaLimits>;
}

/** PEM texts. */
export interface KafkaTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Name on the brokers' certificate, where it is not the host they are reached by. */
  readonly servername?: string;
}

/** One of kafkajs' mechanisms that need no code. */
export type KafkaSasl = KafkaLogin<"plain"> | KafkaLogin<"scram-sha-256"> | KafkaLogin<"scram-sha-512">;

interface KafkaLogin<Mechanism extends string> {
  readonly mechanism: Mechanism;
  readonly username: string;
  readonly password: string;
}

/** Every limit and wait of the Kafka bus. */
export interface KafkaLimits {
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly fetchMaxWaitMs: number;
  readonly maxBytesPerPartition: number;
  readonly maxBytesPerFetch: number;
  readonly maxBytesPerBatch: number;
  readonly metadataIntervalMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  readonly replayReaders: number;
  readonly maxWaitingRanges: number;
  readonly rangeWaitTimeoutMs: number;
  readonly publishTimeoutMs: number;
  readonly maxRequestBytes: number;
}

/** The defaults, each with its reason. */
export const KAFKA_LIMITS: KafkaLimits = {
  /** TCP, TLS and SASL together: a broker that is up answers in well under a second, also from another region. */
  connectTimeoutMs: 5_000,
  /** Silence after which a connection is given up and made anew. Short enough that a frozen broker shows as an outage, longer than a leader's election. */
  requestTimeoutMs: 10_000,
  /** How long a broker holds a fetch that finds nothing. An idle node asks twice a second. */
  fetchMaxWaitMs: 500,
  /** Of one fetch; the broker sends a larger batch all the same, when it is the first. */
  maxBytesPerPartition: 1024 * 1024,
  /** Of one fetch from one broker: bounds what lies in memory while the sink is slow. */
  maxBytesPerFetch: 8 * 1024 * 1024,
  /** Of one batch, decompressed: a small batch that unpacks into gigabytes must not end the process. */
  maxBytesPerBatch: 64 * 1024 * 1024,
  /** How soon new partitions and a recreated topic are noticed; one small request. */
  metadataIntervalMs: 3_000,
  /** Back-off between attempts to reach the cluster, doubled from the first to the second, with full jitter. */
  retryMinMs: 100,
  retryMaxMs: 5_000,
  /** Ranges read at once, a connection each: replays must not crowd out the live reader on the brokers. */
  replayReaders: 2,
  /** Ranges that may wait for a reader; the next one is refused at once, which its client learns as a gap. */
  maxWaitingRanges: 100,
  /** How long a range may wait for a reader, and how long it may then stay without progress. */
  rangeWaitTimeoutMs: 10_000,
  /** For one publish, retries included. */
  publishTimeoutMs: 10_000,
  /** Of one request; a single record may be larger, a larger publish goes in several. Below the brokers' default `message.max.bytes` of 1,048,588. */
  maxRequestBytes: 1_000_000,
};
