import type { Fault } from "./fault.ts";
import type { FaultServers } from "./fault_servers.ts";
import type { FaultSource } from "./fault_source.ts";
import { CLIENT_FAULTS } from "./client_faults.ts";
import { GATEWAY_FAULTS } from "./gateway_faults.ts";
import {
  HISTORY_KILLS,
  KAFKA_PUBLISH_KILLS,
  KAFKA_READ_KILLS,
  openOutbox,
  openPublished,
  OUTBOX_KILLS,
  REDIS_PUBLISH_KILLS,
  REDIS_READ_KILLS,
} from "./gateway_kill_faults.ts";
import { HISTORY_FAULTS } from "./history_faults.ts";
import { HistorySource } from "./history_source.ts";
import { KAFKA_CLUSTER_FAULTS } from "./kafka_cluster_faults.ts";
import { KafkaClusterSource } from "./kafka_cluster_source.ts";
import { KAFKA_FAULTS } from "./kafka_faults.ts";
import { KafkaSource } from "./kafka_source.ts";
import { REDIS_FAULTS } from "./redis_faults.ts";
import { RedisSource } from "./redis_source.ts";
import { type FaultResult, runFault } from "./run_fault.ts";

/** A row that can be run, whatever source it is of. */
export interface RunnableFault {
  /** With the source's kind in front. */
  readonly name: string;
  readonly isQuick: boolean;
  run(servers: FaultServers, seed: number): Promise<FaultResult>;
}

/** Every row of the suite. */
export const FAULTS: readonly RunnableFault[] = [
  ...rows("kafka", KafkaSource.open, KAFKA_FAULTS),
  ...rows("kafka", KafkaClusterSource.open, KAFKA_CLUSTER_FAULTS),
  ...rows("redis", RedisSource.open, REDIS_FAULTS),
  ...rows("history", HistorySource.open, HISTORY_FAULTS),
  ...rows("gateway", KafkaSource.open, GATEWAY_FAULTS),
  ...rows("gateway", (servers) => openPublished(RedisSource.open(servers)), REDIS_PUBLISH_KILLS),
  ...rows("gateway", (servers) => openPublished(KafkaSource.open(servers, {})), KAFKA_PUBLISH_KILLS),
  ...rows("gateway", openOutbox, OUTBOX_KILLS),
  ...rows("gateway", HistorySource.open, HISTORY_KILLS),
  ...rows("gateway", KafkaSource.open, KAFKA_READ_KILLS),
  ...rows("gateway", RedisSource.open, REDIS_READ_KILLS),
  ...rows("client", KafkaSource.open, CLIENT_FAULTS),
];

function rows<Source extends FaultSource>(
  kind: string,
  open: (servers: FaultServers, fault: Fault<Source>) => Promise<Source>,
  faults: readonly Fault<Source>[],
): RunnableFault[] {
  return faults.map((fault) => ({
    name: `${kind}: ${fault.name}`,
    isQuick: fault.isQuick ?? false,
    run: async (servers, seed) => {
      await using source = await open(servers, fault);
      return await runFault(fault, source, seed);
    },
  }));
}
