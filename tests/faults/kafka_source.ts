import { TestTopic } from "../bus/kafka/test_topic.ts";
import { type KafkaServer, type KafkaServerOptions, startKafka } from "../support/kafka_server.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import type { FaultServers } from "./fault_servers.ts";
import type { ReadableSource } from "./fault_source.ts";
import { KafkaTopicSource } from "./kafka_topic_source.ts";

/** A topic on a broker of its own: gateways reach it through a proxy. */
export class KafkaSource extends KafkaTopicSource implements ReadableSource {
  readonly kafka: KafkaServer;
  readonly proxy: TcpProxy;

  protected constructor({ kafka, proxy }: ProxiedKafka, topic: TestTopic) {
    super(topic);
    this.kafka = kafka;
    this.proxy = proxy;
  }

  static async open(
    servers: FaultServers,
    { partitions = 3, logSettings = {} }: { partitions?: number; logSettings?: Readonly<Record<string, string>> },
  ): Promise<KafkaSource> {
    const proxied = await servers.use(startProxiedKafka);
    const source = new KafkaSource(proxied, await TestTopic.create(proxied.kafka.brokers, partitions, logSettings));
    await source.prepare(partitions);
    return source;
  }

  protected get gatewayPorts(): readonly number[] {
    return [this.proxy.port];
  }
}

export interface ProxiedKafka extends AsyncDisposable {
  readonly kafka: KafkaServer;
  readonly proxy: TcpProxy;
}

export function startProxiedKafka(): Promise<ProxiedKafka> {
  return startProxied({});
}

/** A broker with a proxy in front of it. */
export async function startProxied(options: KafkaServerOptions): Promise<ProxiedKafka> {
  const proxy = new TcpProxy();
  const kafka = await startKafka({ ...options, advertisedPort: proxy.port });
  proxy.connectTo(kafka.behindPort);
  return {
    kafka,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await kafka[Symbol.asyncDispose]();
    },
  };
}
