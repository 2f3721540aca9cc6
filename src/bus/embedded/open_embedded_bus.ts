import { BusError, type EventBus } from "../event_bus.ts";
import { EmbeddedBus } from "./embedded_bus.ts";
import type { LogRetention } from "./log_store.ts";
import { MemoryLog } from "./memory_log.ts";

export interface EmbeddedBusOptions {
  /** Name of the source; first part of every event identity. */
  readonly source: string;
  /** Default 1: order over everything, and the shortest cursors. */
  readonly partitions?: number;
  /** What each partition keeps; missing limits are {@link MEMORY_RETENTION}'s. */
  readonly retention?: Partial<LogRetention>;
}

/** Bounds what a forgotten process grows to, and is far beyond what one reconnect may replay. */
export const MEMORY_RETENTION: LogRetention = {
  maxRecords: 100_000,
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 24 * 60 * 60 * 1_000,
};

/** More would not fit a cursor's text; see the budget of the wire's `id`. */
export const MAX_PARTITIONS = 100;

/**
 * Opens the embedded log.
 *
 * @throws BusError when a limit makes no sense
 */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<EventBus> {
  const partitions = options.partitions ?? 1;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > MAX_PARTITIONS) {
    throw new BusError(
      `Cannot open the embedded log "${options.source}" with ${partitions} partitions: 1 to ${MAX_PARTITIONS} are possible.`,
    );
  }
  const retention = { ...MEMORY_RETENTION, ...options.retention };
  return new EmbeddedBus(options.source, new MemoryLog(partitions, retention));
}
