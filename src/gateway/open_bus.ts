import { openEmbeddedBus } from "../bus/embedded/open_embedded_bus.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { KafkaBusOptions, KafkaSasl } from "../bus/kafka/kafka_options.ts";
import type { KafkaSourceConfig, SourceConfig } from "../config/sources_schema.ts";

/**
 * Opens the bus of one configured source. A client library is loaded only when a source needs it: a gateway without
 * Kafka starts without kafkajs.
 *
 * @throws BusError for what waiting cannot cure
 */
export async function openBus(source: string, config: SourceConfig): Promise<EventBus> {
  switch (config.kind) {
    case "embedded":
      return await openEmbeddedBus({ source, ...config.embedded });
    case "redis": {
      const { openRedisBus } = await import("../bus/redis/open_redis_bus.ts");
      return await openRedisBus({ source, ...config.redis });
    }
    case "kafka": {
      const { KafkaBus } = await import("../bus/kafka/kafka_bus.ts");
      return new KafkaBus(kafkaOptions(source, config.kafka));
    }
  }
}

/** The `kafka` block as the bus takes it; files with certificates and passwords were read with the configuration. */
function kafkaOptions(source: string, config: KafkaSourceConfig): KafkaBusOptions {
  const { brokers, topic, clientId, ssl, sasl, connectTimeoutMs, requestTimeoutMs } = config;
  const { fetchMaxWaitMs, fetchMaxBytes, replayReaders } = config;
  const { enabled, ...tls } = ssl;
  return {
    source,
    brokers,
    topic,
    clientId,
    ssl: enabled && tls,
    ...(sasl === undefined ? {} : { sasl: kafkaLogin(sasl.mechanism, sasl.username, sasl.password ?? "") }),
    limits: { connectTimeoutMs, requestTimeoutMs, fetchMaxWaitMs, maxBytesPerFetch: fetchMaxBytes, replayReaders },
  };
}

/** The same for every mechanism; written out because the library's type is one for each. */
function kafkaLogin(mechanism: KafkaSasl["mechanism"], username: string, password: string): KafkaSasl {
  switch (mechanism) {
    case "plain":
      return { mechanism, username, password };
    case "scram-sha-256":
      return { mechanism, username, password };
    case "scram-sha-512":
      return { mechanism, username, password };
  }
}
