import { Redis } from "ioredis";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import type { RedisServer } from "../support/redis_server.ts";
import type { TcpProxy } from "../support/tcp_proxy.ts";
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

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.admin.quit();
    await super[Symbol.asyncDispose]();
  }
}

/** Loses everything when it is killed: what a cache does. */
function startHistoryRedis(): Promise<ProxiedRedis> {
  return startProxiedRedis({});
}
