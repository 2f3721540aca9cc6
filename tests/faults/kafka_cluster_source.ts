import type { Offset } from "../../src/model/position.ts";
import { TestTopic } from "../bus/kafka/test_topic.ts";
import { startKafkaController } from "../support/kafka_server.ts";
import type { FaultServers } from "./fault_servers.ts";
import { type ProxiedKafka, startProxied } from "./kafka_source.ts";
import { KafkaTopicSource } from "./kafka_topic_source.ts";

const PARTITIONS = 3;
/** What is acknowledged is on both brokers; on a busy machine too, one that lives does not count as dead. */
const REPLICATED = {
  "default.replication.factor": "2",
  "offsets.topic.replication.factor": "2",
  "broker.session.timeout.ms": "3000",
};

/** A topic that two brokers have, each behind a proxy; their controller is a process by itself. */
export class KafkaClusterSource extends KafkaTopicSource {
  readonly nodes: readonly [ProxiedKafka, ProxiedKafka];

  private constructor({ nodes }: KafkaCluster, topic: TestTopic) {
    super(topic);
    this.nodes = nodes;
  }

  static async open(servers: FaultServers): Promise<KafkaClusterSource> {
    const cluster = await servers.use(startKafkaCluster);
    const brokers = cluster.nodes.flatMap(({ kafka }) => kafka.brokers);
    const source = new KafkaClusterSource(cluster, await TestTopic.create(brokers, PARTITIONS));
    await source.prepare(PARTITIONS);
    // Its reader's group must be on both brokers before one of them goes.
    await source.readAll(() => {});
    return source;
  }

  protected get gatewayPorts(): readonly number[] {
    return this.nodes.map(({ proxy }) => proxy.port);
  }

  /** Who leads each partition and who is in sync, to compare with another time. */
  async leaders(): Promise<string> {
    return JSON.stringify(await this.topic.leaders());
  }

  /** Whether this broker leads every partition and no other is in sync. */
  async isLedAloneBy(node: ProxiedKafka): Promise<boolean> {
    const nodeId = this.nodes.findIndex((each) => each === node) + 1;
    const partitions = await this.topic.leaders();
    return partitions.length > 0 &&
      partitions.every(({ leader, inSync }) => leader === nodeId && String(inSync) === String(nodeId));
  }

  /** Where the partitions end, by their leaders. */
  async ends(): Promise<readonly Offset[]> {
    const partitions = [...Array(PARTITIONS).keys()];
    return await Promise.all(partitions.map(async (partition) => (await this.topic.offsets(partition)).high));
  }

  /** The gateways reach no broker any more. */
  cutOff(): void {
    for (const { proxy } of this.nodes) {
      proxy.isRefusing = true;
      proxy.cut();
    }
  }

  reconnect(): void {
    for (const { proxy } of this.nodes) proxy.isRefusing = false;
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
