import { openEmbeddedBus } from "../bus/embedded/open_embedded_bus.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { SourceConfig } from "../config/sources_schema.ts";

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
      const { openKafkaBus } = await import("../bus/kafka/open_kafka_bus.ts");
      return await openKafkaBus(source, config.kafka);
    }
  }
}
