import type { Fault } from "./fault.ts";
import { flows, passes, whileAway, whilePaused } from "./fault_run.ts";
import type { KafkaSource } from "./kafka_source.ts";

/** Whoever comes back finds all in the node's memory. */
const LONG_JOURNAL = { journal: { maxEvents: 100_000 } };
/** Whoever comes back is sent to the log itself. */
const SHORT_JOURNAL = { journal: { maxEvents: 30 } };

/** What can happen to a topic, its broker and the way to it. */
export const KAFKA_FAULTS: readonly Fault<KafkaSource>[] = [
  {
    name: "broker restarts in order",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: ({ source }) => source.kafka.restart(),
  },
  {
    name: "broker is killed",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: async ({ source }) => {
      await source.kafka.kill();
      await source.kafka.restart();
    },
  },
  {
    name: "broker is killed while clients come back that only it can serve",
    gaps: "none",
    config: SHORT_JOURNAL,
    isQuick: true,
    inject: async (run) => {
      await whileAway(run, async () => {
        await run.load.write(500);
        await run.source.kafka.kill();
      });
      await run.source.kafka.restart();
    },
  },
  {
    name: "broker is frozen for two seconds",
    gaps: "none",
    isQuick: true,
    inject: ({ source }) => whilePaused(source.kafka, () => passes(2_000)),
  },
  {
    name: "broker is frozen for longer than the gateway waits for an answer",
    gaps: "none",
    inject: ({ source }) => whilePaused(source.kafka, () => passes(13_000)),
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
    name: "topic is created anew and outgrows the old one while the gateway stands still",
    gaps: "required",
    inject: async ({ source, load, nodes: [node] }) => {
      await load.stop();
      if (node === undefined) throw new Error("Cannot break a gateway: there is none");
      await whilePaused(node, async () => {
        await source.recreate(3);
        await load.write(3_000);
      });
      load.start();
    },
  },
  {
    name: "topic is away for five seconds",
    gaps: "required",
    inject: async ({ source, load }) => {
      await load.stop();
      await source.topic.delete();
      await passes(5_000);
      await source.createAnew(3);
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
  {
    name: "partitions are added while clients and gateway are away",
    gaps: "none",
    inject: async (run) => {
      const [node] = run.nodes;
      await whileAway(run, async () => {
        await node?.stop();
        await run.source.addPartitions(5);
        await run.load.write(200);
        await node?.restart();
      });
    },
  },
  {
    name: "records are deleted that only those away have not read",
    gaps: "required",
    config: SHORT_JOURNAL,
    isQuick: true,
    inject: async (run) => {
      await whileAway(run, async () => {
        await run.load.write(500);
        await run.source.deleteAllRecords();
        // Beyond what the journal holds.
        await run.load.write(300);
      });
    },
  },
  {
    name: "records are deleted under the live reader",
    gaps: "required",
    inject: async ({ source, load, nodes: [node] }) => {
      if (node === undefined) throw new Error("Cannot break a gateway: there is none");
      await whilePaused(node, async () => {
        await load.write(500);
        await source.deleteAllRecords();
      });
    },
  },
  {
    name: "retention goes on all the time while clients come and go",
    gaps: "allowed",
    config: SHORT_JOURNAL,
    logSettings: { "retention.ms": "1000", "segment.ms": "500" },
    inject: async (run) => {
      for (let count = 0; count < 3; count++) {
        await whileAway(run, async () => {
          await run.load.write(300);
          await passes(2_000);
        });
        await flows(run, 50);
      }
    },
  },
  {
    name: "transactions are aborted and left open",
    gaps: "none",
    inject: async ({ source, load }) => {
      const values = ["a", "b", "c"].map((key) => ({
        value: JSON.stringify({ kind: "notice", key, secret: load.canary }),
      }));
      for (let count = 0; count < 3; count++) await source.topic.produceInTransaction(0, values, "abort");
      await source.topic.leaveTransactionOpen(1, values, 3_000);
      await load.write(100);
      await source.topic.produceInTransaction(2, values, "abort");
    },
  },
  {
    name: "way to the broker is frozen for three seconds",
    gaps: "none",
    inject: async ({ source }) => {
      source.proxy.freeze();
      await passes(3_000);
      source.proxy.thaw();
    },
  },
  {
    name: "way to the broker is cut for three seconds",
    gaps: "none",
    config: LONG_JOURNAL,
    isQuick: true,
    inject: async ({ source }) => {
      source.proxy.isRefusing = true;
      source.proxy.cut();
      await passes(3_000);
      source.proxy.isRefusing = false;
    },
  },
  {
    name: "way to the broker is cut again and again",
    gaps: "none",
    inject: async ({ source, random }) => {
      for (let count = 0; count < 30; count++) {
        source.proxy.cut();
        await passes(random.between(10, 300));
      }
    },
  },
  {
    name: "broker's answers are lost for three seconds",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: async ({ source }) => {
      source.proxy.losesAnswers = true;
      await passes(3_000);
      source.proxy.losesAnswers = false;
    },
  },
  {
    name: "way to the broker is as slow as the records",
    gaps: "none",
    inject: async ({ source, load }) => {
      source.proxy.bytesPerSecond = 20_000;
      load.filling = 500;
      await passes(5_000);
      load.filling = 0;
      source.proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
    },
  },
  {
    name: "storm of records",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: ({ load }) => load.write(20_000),
  },
  {
    name: "records of half a mebibyte",
    gaps: "none",
    config: { replay: { maxBytes: "512MiB" } },
    inject: async ({ load }) => {
      load.filling = 512 * 1_024;
      await load.stop();
      load.start();
      await passes(2_000);
      load.filling = 0;
    },
  },
];
