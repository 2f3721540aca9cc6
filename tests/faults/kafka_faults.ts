import type { Fault } from "./fault.ts";
import { flows, passes } from "./fault_run.ts";
import type { KafkaSource } from "./kafka_source.ts";

/** What can happen to a topic, its broker and the way to it. */
export const KAFKA_FAULTS: readonly Fault<KafkaSource>[] = [
  {
    name: "broker restarts in order",
    gaps: "none",
    inject: ({ source }) => source.kafka.restart(),
  },
  {
    name: "broker is killed",
    gaps: "none",
    excuses: ["source-reset"],
    isQuick: true,
    inject: async ({ source }) => {
      await source.kafka.kill();
      await passes(500);
      await source.kafka.restart();
    },
  },
  {
    name: "broker is frozen for two seconds",
    gaps: "none",
    isQuick: true,
    inject: async ({ source }) => {
      source.kafka.pause();
      await passes(2_000);
      source.kafka.resume();
    },
  },
  {
    name: "topic is created anew",
    gaps: "required",
    isQuick: true,
    inject: async ({ source, load }) => {
      await load.stop();
      await source.recreate(2);
      load.start();
    },
  },
  {
    name: "partitions are added",
    gaps: "none",
    isQuick: true,
    inject: async (run) => {
      await run.source.addPartitions(6);
      await flows(run);
    },
  },
];
