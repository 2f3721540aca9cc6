import type { Fault } from "./fault.ts";
import { flows, until } from "./fault_run.ts";
import type { KafkaClusterSource } from "./kafka_cluster_source.ts";

/** What can happen to a topic that several brokers have. */
export const KAFKA_CLUSTER_FAULTS: readonly Fault<KafkaClusterSource>[] = [
  {
    name: "each of two brokers is killed in turn and leads again",
    gaps: "none",
    inject: async (run) => {
      const { topic, nodes } = run.source;
      const all = JSON.stringify(await topic.leaders());
      for (const { kafka } of nodes) {
        await kafka.kill();
        await flows(run);
        await kafka.restart();
        await until("it leads again what it led", async () => JSON.stringify(await topic.leaders()) === all);
        await flows(run);
      }
    },
  },
];
