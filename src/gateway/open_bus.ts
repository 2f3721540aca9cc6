import { openEmbeddedBus } from "../bus/embedded/open_embedded_bus.ts";
import type { EventBus } from "../bus/event_bus.ts";
import type { SourceConfig } from "../config/sources_schema.ts";

/** Opens the bus of one configured source. Rejects with a BusError for what waiting cannot cure. */
export async function openBus(source: string, config: SourceConfig, node: string): Promise<EventBus> {
  switch (config.kind) {
    case "embedded":
      return await openEmbeddedBus({ source, ...config.embedded });
    default:
      throw new Error(`${node}`);
  }
}
