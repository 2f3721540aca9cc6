import { RedisConnection, type RedisLinkSettings } from "./redis_connection.ts";
import { RedisFailure } from "./redis_failure.ts";

/** A connection that several share: opened when it is first wanted, and anew when it has ended. */
export class RedisLink implements AsyncDisposable {
  readonly #settings: RedisLinkSettings;
  readonly #prepare: (connection: RedisConnection) => Promise<void>;
  readonly #closing = new AbortController();
  #opening: Promise<RedisConnection> | undefined;
  #connection: RedisConnection | undefined;

  /** @param prepare what a new connection must do first; when it throws, the connection is not used */
  constructor(settings: RedisLinkSettings, prepare: (connection: RedisConnection) => Promise<void> = async () => {}) {
    this.#settings = settings;
    this.#prepare = prepare;
  }

  /**
   * All who call get the same one, in the order of their calls: publishes stay in order.
   *
   * @throws RedisFailure
   */
  connection(): Promise<RedisConnection> {
    if (this.#closing.signal.aborted) return Promise.reject(new RedisFailure("unsent", "the bus was closed"));
    const hasEnded = this.#connection !== undefined && !this.#connection.isUsable;
    if (this.#opening === undefined || hasEnded) this.#opening = this.#open();
    return this.#opening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const connection = await this.#opening?.catch(() => undefined);
    await connection?.ended;
  }

  async #open(): Promise<RedisConnection> {
    this.#connection = undefined;
    const { signal } = this.#closing;
    try {
      const connection = await RedisConnection.open(this.#settings, signal);
      const close = () => void connection.close();
      signal.addEventListener("abort", close);
      void connection.ended.then(() => signal.removeEventListener("abort", close));
      await this.#prepare(connection).catch(async (error) => {
        await connection.close();
        throw error;
      });
      return this.#connection = connection;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
