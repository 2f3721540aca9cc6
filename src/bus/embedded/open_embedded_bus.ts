import { BusError, type EventBus } from "../event_bus.ts";
import { EmbeddedBus } from "./embedded_bus.ts";
import type { LogRetention } from "./log_store.ts";
import { MemoryLog } from "./memory_log.ts";
import { openSqliteFile } from "./sqlite_file.ts";
import { SqliteLog } from "./sqlite_log.ts";

/** What an embedded log is to be. */
export interface EmbeddedBusOptions {
  /** Name of the source; first part of every event identity. */
  readonly source: string;
  /** File that keeps the log, made with its folder where it does not exist. Default: memory, a new log every time. */
  readonly path?: string;
  /** Default 1, or what the file was made with: order over everything, and the shortest cursors. */
  readonly partitions?: number;
  /** What each partition keeps; missing limits are {@link MEMORY_RETENTION}'s or {@link FILE_RETENTION}'s. */
  readonly retention?: Partial<LogRetention>;
}

/** Bounds what a forgotten process grows to, and is far beyond what one reconnect may replay. */
export const MEMORY_RETENTION: LogRetention = {
  maxRecords: 100_000,
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 24 * 60 * 60 * 1_000,
};

/** A disk has room for the readers that come back after a long weekend. */
export const FILE_RETENTION: LogRetention = {
  maxRecords: 1_000_000,
  maxBytes: 1024 * 1024 * 1024,
  maxAgeMs: 7 * 24 * 60 * 60 * 1_000,
};

/** More would not fit a cursor's text; see the budget of the wire's `id`. */
export const MAX_PARTITIONS = 64;

/**
 * Opens the embedded log. In a file it is durable: a publish resolves when the record would survive `kill -9` and a
 * power failure; its epoch and offsets live as long as the file. One process can have a file open.
 *
 * @throws BusError with what to do: limits that make no sense, a file that is in use, damaged or another program's
 */
export async function openEmbeddedBus(options: EmbeddedBusOptions): Promise<EventBus> {
  const { source, path, partitions } = options;
  const isPossible = partitions === undefined ||
    (Number.isInteger(partitions) && partitions >= 1 && partitions <= MAX_PARTITIONS);
  if (!isPossible) {
    throw new BusError(
      `Cannot open the embedded log "${source}" with ${partitions} partitions: 1 to ${MAX_PARTITIONS} are possible.`,
    );
  }
  const retention = { ...(path === undefined ? MEMORY_RETENTION : FILE_RETENTION), ...options.retention };
  for (const [name, limit] of Object.entries(retention)) {
    if (!(limit > 0)) throw new BusError(`Cannot open the embedded log "${source}": ${name} ${limit} is not positive.`);
  }
  if (path === undefined) return new EmbeddedBus(source, new MemoryLog(partitions ?? 1, retention));
  const file = openSqliteFile(path, partitions);
  try {
    return new EmbeddedBus(source, new SqliteLog(file, retention));
  } catch (error) {
    file.close();
    throw error;
  }
}
