import { Buffer } from "node:buffer";
import { Redis } from "ioredis";
import type { RedisBusSettings } from "./redis_bus_options.ts";
import { RedisFailure, redisFailureOf } from "./redis_failure.ts";

/** What connecting needs to know. */
export type RedisLinkSettings = Pick<RedisBusSettings, "url" | "address" | "connectTimeoutMs" | "commandTimeoutMs">;

export type RedisArgument = string | number | Uint8Array;
export type RedisCommand = readonly [name: string, ...args: RedisArgument[]];

/**
 * One connection, for one purpose, that ends for good when anything goes wrong with it.
 *
 * The client's own reconnecting is switched off: it sends commands again whose answer was lost (a published record would
 * come twice) or forgets to settle them. A command has a time limit here, and one that passes it takes the connection
 * with it: behind a hung server nothing else would be answered either.
 */
export class RedisConnection implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #commandTimeoutMs: number;
  /** Resolves when the socket is closed. */
  readonly ended: Promise<void>;
  #lastError: unknown;

  private constructor(settings: RedisLinkSettings) {
    this.#commandTimeoutMs = settings.commandTimeoutMs;
    this.#redis = new Redis(settings.url, {
      lazyConnect: true,
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // INFO may be forbidden; a server that still loads answers the first command with -LOADING.
      enableReadyCheck: false,
      disableClientInfo: true,
      protocol: 2,
      connectTimeout: settings.connectTimeoutMs,
      connectionName: "tidegate",
      // What is still wanted from a connection that is closed? Nothing.
      disconnectTimeout: 0,
    });
    this.#redis.on("error", (error) => this.#lastError = error);
    this.ended = new Promise((resolve) => this.#redis.once("end", resolve));
  }

  /** @throws RedisFailure `unsent`, also when the signal aborts, or `refused` when the password is */
  static async open(settings: RedisLinkSettings, signal: AbortSignal): Promise<RedisConnection> {
    if (signal.aborted) throw new RedisFailure("unsent", "it was closed");
    const connection = new RedisConnection(settings);
    const close = () => void connection.close();
    signal.addEventListener("abort", close);
    try {
      await connection.#withTimeout(connection.#redis.connect(), settings.connectTimeoutMs);
      return connection;
    } catch (error) {
      await connection.close();
      const failure = redisFailureOf(connection.#lastError ?? error);
      throw failure.kind === "refused" ? failure : new RedisFailure("unsent", failure.message);
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  get isUsable(): boolean {
    return this.#redis.status === "ready";
  }

  /**
   * Sends one command and gives its reply, strings as bytes.
   *
   * @param blockMs how long the server itself may wait before it answers
   * @throws RedisFailure
   */
  send([name, ...args]: RedisCommand, blockMs = 0): Promise<unknown> {
    return this.#ask(() => this.#redis.callBuffer(name, ...args.map(argument)), blockMs);
  }

  /**
   * Sends the commands as one transaction and gives their replies; one that failed inside is a {@link RedisFailure}.
   *
   * @throws RedisFailure when nothing of it was done, or nobody can know
   */
  async transaction(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    const transaction = this.#redis.multi();
    for (const [name, ...args] of commands) transaction.callBuffer(name, ...args.map(argument));
    const replies = await this.#ask(() => transaction.exec().catch((error) => Promise.reject(firstError(error))), 0);
    if (replies === null) throw new RedisFailure("refused", "EXECABORT the transaction was not executed");
    return replies.map(([error, reply]) => error === null ? reply : redisFailureOf(error));
  }

  /**
   * Sends the commands at once and gives their replies, each on its own; one that failed is a {@link RedisFailure}.
   *
   * @throws RedisFailure when nobody can know what was done
   */
  async pipeline(commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    const pipeline = this.#redis.pipeline();
    for (const [name, ...args] of commands) pipeline.callBuffer(name, ...args.map(argument));
    const replies = await this.#ask(() => pipeline.exec(), 0);
    const failures = (replies ?? []).map(([error, reply]) => error === null ? reply : redisFailureOf(error));
    const lost = failures.find((reply) => reply instanceof RedisFailure && reply.kind !== "refused");
    if (lost !== undefined) throw lost;
    return failures;
  }

  /** Ends it; what waits for an answer rejects. Resolves when the socket is closed. */
  close(): Promise<void> {
    if (this.#redis.status !== "end") this.#redis.disconnect();
    return this.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask<Reply>(send: () => Promise<Reply>, blockMs: number): Promise<Reply> {
    if (!this.isUsable) throw new RedisFailure("unsent", "the connection is closed");
    try {
      return await this.#withTimeout(send(), this.#commandTimeoutMs + blockMs);
    } catch (error) {
      throw redisFailureOf(error);
    }
  }

  async #withTimeout<Reply>(reply: Promise<Reply>, timeoutMs: number): Promise<Reply> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new RedisFailure("lost", `no answer in ${timeoutMs} ms`));
      void this.close();
    }, timeoutMs);
    try {
      return await Promise.race([reply, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The client knows bytes only as its own `Buffer`. */
function argument(value: RedisArgument): string | number | Buffer {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

/** What made the transaction fail: that it was discarded says nothing. */
function firstError(error: unknown): unknown {
  if (!(error instanceof Error) || !("previousErrors" in error)) return error;
  const { previousErrors } = error;
  return Array.isArray(previousErrors) && previousErrors[0] instanceof Error ? previousErrors[0] : error;
}
