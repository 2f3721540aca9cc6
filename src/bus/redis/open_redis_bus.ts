import { BusError, type EventBus } from "../event_bus.ts";
import { RedisBus } from "./redis_bus.ts";
import type { RedisBusOptions } from "./redis_bus_options.ts";

const DEFAULT_PORT = "6379";

/**
 * Opens a source on Redis Streams, Redis 7.0 or later. Nothing is connected yet: a server that is away shows in the
 * first call.
 *
 * @throws BusError when the options make no sense
 */
export async function openRedisBus(options: RedisBusOptions): Promise<EventBus> {
  const { source, streams } = options;
  const refuse = (state: string) => new BusError(`Cannot open the Redis source "${source}": ${state}.`);
  const url = URL.parse(options.url);
  if (url === null || !/^rediss?:$/.test(url.protocol)) {
    throw refuse("its url is no redis:// or rediss:// address");
  }
  // The client would take options from there, before ours.
  if (url.search !== "" || !/^\/?[0-9]*$/.test(url.pathname)) {
    throw refuse("its url has more behind the port than /database, the number of one");
  }
  if (streams.length === 0) throw refuse("it names no stream. Give the key of at least one");
  if (new Set(streams).size < streams.length) {
    throw refuse("it names a stream twice, which would be read as two partitions");
  }
  return new RedisBus({
    connectTimeoutMs: 5_000,
    commandTimeoutMs: 5_000,
    blockTimeoutMs: 2_000,
    fields: { value: "value", key: "key" },
    maxLengthApprox: undefined,
    ...options,
    address: `${url.hostname}:${url.port === "" ? DEFAULT_PORT : url.port}`,
  });
}
