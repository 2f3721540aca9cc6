import type { RedisBusSettings } from "./redis_bus_options.ts";
import { RedisConnection } from "./redis_connection.ts";
import { RedisFailure } from "./redis_failure.ts";

/** A connection that several share: opened when it is first wanted, and anew when it has ended. */
export class RedisLink implements AsyncDisposable {
  readonly #settings: RedisBusSettings;
  #connection: Promise<RedisConnection> | undefined;
  readonly #closing = new AbortController();

  constructor(settings: RedisBusSettings) {
    this.#settings = settings;
  }

  /**
   * All who call get the same one, in the order of their calls: publishes stay in order.
   *
   * @throws RedisFailure
   */
  connection(): Promise<RedisConnection> {
    if (this.#closing.signal.aborted) return Promise.reject(new RedisFailure("unsent", "the bus was closed"));
    return this.#connection ??= this.#open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  async #open(): Promise<RedisConnection> {
    const forget = () => this.#connection = undefined;
    try {
      const connection = await RedisConnection.open(this.#settings, this.#closing.signal);
      void connection.ended.then(forget);
      return connection;
    } catch (error) {
      forget();
      throw error;
    }
  }
}
