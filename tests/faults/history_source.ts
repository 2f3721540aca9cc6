import { Redis } from "ioredis";
import type { Offset } from "../../src/model/position.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import type { RedisServer } from "../support/redis_server.ts";
import type { TcpProxy } from "../support/tcp_proxy.ts";
import { until } from "./fault_run.ts";
import type { FaultServers } from "./fault_servers.ts";
import { KafkaSource, type ProxiedKafka, startProxiedKafka } from "./kafka_source.ts";
import { type ProxiedRedis, startProxiedRedis } from "./redis_source.ts";

/** A topic whose events the gateways also keep in a history on a real Redis, which a row breaks. */
export class HistorySource extends KafkaSource {
  readonly redis: RedisServer;
  /** The gateways' way to the history; what the suite does to it goes directly. */
  readonly historyProxy: TcpProxy;
  readonly admin: Redis;
  readonly #prefix = `faults:${crypto.randomUUID()}`;

  private constructor(kafka: ProxiedKafka, topic: TestTopic, { redis, proxy }: ProxiedRedis) {
    super(kafka, topic);
    this.redis = redis;
    this.historyProxy = proxy;
    this.admin = new Redis(redis.url, { retryStrategy: () => 50 });
    // Each failure of the connection is one of a command too, and told there.
    this.admin.on("error", () => {});
  }

  static override async open(servers: FaultServers): Promise<HistorySource> {
    const kafka = await servers.use(startProxiedKafka);
    const redis = await servers.use(startHistoryRedis);
    const source = new HistorySource(kafka, await TestTopic.create(kafka.kafka.brokers, 3), redis);
    await source.prepare(3);
    return source;
  }

  get sections(): Readonly<Record<string, unknown>> {
    return { history: { redis: { url: `redis://127.0.0.1:${this.historyProxy.port}`, prefix: this.#prefix } } };
  }

  /** The streams of the history that are there now. */
  keys(): Promise<string[]> {
    return this.admin.keys(`${this.#prefix}*`);
  }

  /** Resolves when the history holds every event that is in the log at this moment. */
  async written(): Promise<void> {
    const ends = (this.log.epochs.at(-1)?.partitions ?? []).map(({ records }) =>
      records.findLast(({ event }) => event !== undefined)?.offset ?? -1n
    );
    await until("the history holds every event", async () => {
      const newest = new Map(await Promise.all((await this.keys()).map((key) => this.#newest(key))));
      return ends.every((end, partition) => (newest.get(partition) ?? -1n) >= end);
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.admin.quit();
    await super[Symbol.asyncDispose]();
  }

  /** Partition and last offset of one of its streams. */
  async #newest(key: string): Promise<readonly [partition: number, offset: Offset]> {
    const [[id = "0-0"] = []] = await this.admin.xrevrange(key, "+", "-", "COUNT", 1);
    return [Number(key.split(":").at(-2)), BigInt(id.split("-")[0] ?? 0)];
  }
}

/** Loses everything when it is killed: what a cache does. */
function startHistoryRedis(): Promise<ProxiedRedis> {
  return startProxiedRedis({});
}
