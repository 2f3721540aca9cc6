import { Redis } from "ioredis";
import { openRedisBus } from "../../src/bus/redis/open_redis_bus.ts";
import { parseOffset } from "../../src/model/position.ts";
import { OUTBOX_HEADER } from "../../src/outbox/outbox_row.ts";
import { nextMoment } from "../checker/moments.ts";
import { type RedisServer, type RedisServerOptions, startRedis } from "../support/redis_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import type { FaultServers } from "./fault_servers.ts";
import type { OutgoingRecord, ReadableSource, StoredRecord } from "./fault_source.ts";
import { RecordedLog } from "./recorded_log.ts";

/** A frozen server costs the writer this long, then the outcome is unknown. */
const COMMAND_TIMEOUT_MS = 2_000;

/** A stream on a real Redis: gateways reach it through a proxy, the suite's writer and administrator directly. */
export class RedisSource implements ReadableSource {
  readonly log = new RecordedLog("tasks", "ms-seq");
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
  /** For what an administrator does to the server. */
  readonly admin: Redis;
  readonly #stream = `faults:${crypto.randomUUID()}`;

  private constructor(redis: RedisServer, proxy: TcpProxy) {
    this.redis = redis;
    this.proxy = proxy;
    this.admin = new Redis(redis.url, {
      commandTimeout: COMMAND_TIMEOUT_MS,
      // A record is sent once: sent again by the library, it could be there twice.
      maxRetriesPerRequest: 0,
      retryStrategy: () => 50,
    });
    // Each failure of the connection is one of a command too, and told there.
    this.admin.on("error", () => {});
  }

  static async open(servers: FaultServers): Promise<RedisSource> {
    const { redis, proxy } = await servers.use(startDurableRedis);
    const source = new RedisSource(redis, proxy);
    await source.#begin();
    return source;
  }

  get config(): Readonly<Record<string, unknown>> {
    return { redis: { url: `redis://127.0.0.1:${this.proxy.port}`, stream: this.#stream } };
  }

  async append(records: readonly OutgoingRecord[]): Promise<void> {
    const pipeline = this.admin.pipeline();
    for (const { value } of records) pipeline.xadd(this.#stream, "*", "value", value);
    const answers = await pipeline.exec().catch((error: Error) => records.map(() => [error, null] as const)) ?? [];
    const failures: Error[] = [];
    for (const [index, record] of records.entries()) {
      const [error, id] = answers[index] ?? [new Error("Cannot tell what became of the record"), null];
      if (typeof id === "string") this.log.accept(0, offsetOf(id), record.event);
      else {
        this.log.doubt(record);
        failures.push(error ?? new Error(`Cannot read the answer ${id}`));
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async takeStock(): Promise<void> {
    await this.log.resolveDoubts(this);
    const askedAt = nextMoment();
    const [[first] = []] = await this.admin.xrange(this.#stream, "-", "+", "COUNT", 1);
    if (first !== undefined) this.log.trim(0, offsetOf(first), askedAt);
  }

  async readAll(take: (record: StoredRecord) => void): Promise<void> {
    for (const [id, fields] of await this.admin.xrange(this.#stream, "-", "+")) {
      const field = (name: string) => fields[fields.indexOf(name) + 1];
      const identity = fields.includes(OUTBOX_HEADER) ? field(OUTBOX_HEADER) : undefined;
      take({ partition: 0, offset: offsetOf(id), value: field("value") ?? "", identity });
    }
  }

  /** Only so many of the newest entries stay. */
  async trim(length: number): Promise<void> {
    await this.admin.xtrim(this.#stream, "MAXLEN", length);
  }

  /** The stream goes, and comes back with nothing in it. Nobody may write meanwhile. */
  async recreate(): Promise<void> {
    await this.admin.del(this.#stream);
    await this.#begin();
  }

  /** The server has lost all that it held, and runs again. Nobody may write meanwhile. */
  async beginAnew(): Promise<void> {
    await this.#begin();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.admin.del(this.#stream).catch(() => {});
    await this.admin.quit();
  }

  async #begin(): Promise<void> {
    await using bus = await openRedisBus({ source: "tasks", url: this.redis.url, streams: [this.#stream] });
    this.log.begin((await bus.bounds()).epoch, 1);
  }
}

function offsetOf(id: string): bigint {
  const offset = parseOffset(id, "ms-seq");
  if (offset === undefined) throw new RangeError(`Cannot read the entry ID ${id}`);
  return offset;
}

export interface ProxiedRedis extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
}

/** Keeps all that it has confirmed. */
function startDurableRedis(): Promise<ProxiedRedis> {
  return startProxiedRedis({ isDurable: true });
}

export async function startProxiedRedis(options: RedisServerOptions): Promise<ProxiedRedis> {
  const redis = await startRedis(options);
  const proxy = new TcpProxy(redis.port);
  return {
    redis,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}
