import type { Fault } from "./fault.ts";
import { flows } from "./fault_run.ts";
import type { KafkaSource } from "./kafka_source.ts";

/** What clients, their networks and the gateways' own processes do. */
export const CLIENT_FAULTS: readonly Fault<KafkaSource>[] = [
  {
    name: "gateway is killed at random moments",
    gaps: "none",
    isQuick: true,
    inject: async (run) => {
      for (let count = 0; count < 3; count++) {
        const [node] = run.nodes;
        await node?.kill();
        await node?.restart();
        await flows(run);
      }
    },
  },
];
