import { TestTopic } from "../bus/kafka/test_topic.ts";
import { startKafkaController } from "../support/kafka_server.ts";
import type { FaultServers } from "./fault_servers.ts";
import { type ProxiedKafka, startProxied } from "./kafka_source.ts";
import { KafkaTopicSource } from "./kafka_topic_source.ts";

const PARTITIONS = 3;
/** What is acknowledged is on both brokers. */
const REPLICATED = { "default.replication.factor": "2", "offsets.topic.replication.factor": "2" };

/** A topic that two brokers have, each behind a proxy; their controller is a process by itself. */
export class KafkaClusterSource extends KafkaTopicSource {
  readonly nodes: readonly [ProxiedKafka, ProxiedKafka];

  private constructor({ nodes }: KafkaCluster, topic: TestTopic) {
    super(topic);
    this.nodes = nodes;
  }

  static async open(
    servers: FaultServers,
    { logSettings = {} }: { logSettings?: Readonly<Record<string, string>> },
  ): Promise<KafkaClusterSource> {
    const cluster = await servers.use(startKafkaCluster);
    const brokers = cluster.nodes.flatMap(({ kafka }) => kafka.brokers);
    const source = new KafkaClusterSource(cluster, await TestTopic.create(brokers, PARTITIONS, logSettings));
    await source.prepare(PARTITIONS);
    return source;
  }

  protected get gatewayPorts(): readonly number[] {
    return this.nodes.map(({ proxy }) => proxy.port);
  }
}

interface KafkaCluster extends AsyncDisposable {
  readonly nodes: readonly [ProxiedKafka, ProxiedKafka];
}

async function startKafkaCluster(): Promise<KafkaCluster> {
  const controller = await startKafkaController(REPLICATED);
  const start = (nodeId: number) => startProxied({ nodeId, controllerPort: controller.port, settings: REPLICATED });
  const nodes = await Promise.all([start(1), start(2)]);
  return {
    nodes,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
      await controller[Symbol.asyncDispose]();
    },
  };
}
