import type { Fault } from "./fault.ts";
import { type FaultRun, flows, passes, whileAway, whilePaused } from "./fault_run.ts";
import type { RedisSource } from "./redis_source.ts";

/** Whoever comes back finds all in the node's memory. */
const LONG_JOURNAL = { journal: { maxEvents: 100_000 } };
/** Whoever comes back is sent to the stream itself. */
const SHORT_JOURNAL = { journal: { maxEvents: 30 } };

/** What can happen to a stream, its server and the way to it. */
export const REDIS_FAULTS: readonly Fault<RedisSource>[] = [
  {
    name: "server restarts in order",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: ({ source }) => source.redis.restart(),
  },
  {
    name: "server is killed, and has kept every write",
    gaps: "none",
    config: LONG_JOURNAL,
    isQuick: true,
    inject: async ({ source }) => {
      await source.redis.kill();
      await source.redis.restart();
    },
  },
  {
    name: "server is killed while clients come back that only it can serve",
    gaps: "none",
    config: SHORT_JOURNAL,
    inject: async (run) => {
      await whileAway(run, async () => {
        await run.load.write(500);
        await run.source.redis.kill();
      });
      await run.source.redis.restart();
    },
  },
  {
    name: "server is frozen for two seconds",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: ({ source }) => whilePaused(source.redis, () => passes(2_000)),
  },
  {
    name: "server is frozen for longer than the gateway waits for an answer",
    gaps: "none",
    inject: ({ source }) => whilePaused(source.redis, () => passes(8_000)),
  },
  {
    name: "stream is trimmed past those who are away",
    gaps: "required",
    config: SHORT_JOURNAL,
    isQuick: true,
    inject: async (run) => {
      await whileAway(run, async () => {
        await run.load.write(500);
        await run.source.trim(10);
      });
      await flows(run, 100);
    },
  },
  {
    name: "stream is trimmed under the live reader",
    gaps: "required",
    inject: async ({ source, load, nodes: [node] }) => {
      if (node === undefined) throw new Error("Cannot break a gateway: there is none");
      await whilePaused(node, async () => {
        await load.write(500);
        await source.trim(10);
      });
    },
  },
  {
    name: "stream is trimmed all the time while clients come and go",
    gaps: "allowed",
    config: SHORT_JOURNAL,
    inject: async (run) => {
      for (let count = 0; count < 20; count++) {
        await whileAway(run, () => run.load.write(run.random.between(10, 60)));
        await run.source.trim(run.random.between(20, 60));
        await flows(run);
      }
    },
  },
  {
    name: "stream is trimmed past a node that its clients were ahead of",
    gaps: "required",
    config: LONG_JOURNAL,
    nodes: 2,
    inject: async (run) => {
      const [behind, ahead] = run.nodes;
      if (behind === undefined || ahead === undefined) {
        throw new Error("Cannot move clients: there are no two gateways");
      }
      await whilePaused(behind, async () => {
        moveTo(run, ahead.url);
        await flows(run, 100);
        await whileAway(run, async () => {
          await run.load.write(200);
          await run.source.trim(10);
          moveTo(run, behind.url);
        });
      });
    },
  },
  {
    name: "stream is deleted and made anew",
    gaps: "required",
    isQuick: true,
    inject: async ({ source, load }) => {
      await load.stop();
      await source.recreate();
      load.start();
    },
  },
  {
    name: "stream is deleted and outgrows the old one while the gateway stands still",
    gaps: "required",
    inject: async ({ source, load, nodes: [node] }) => {
      await load.stop();
      if (node === undefined) throw new Error("Cannot break a gateway: there is none");
      await whilePaused(node, async () => {
        await source.recreate();
        await load.write(2_000);
      });
      load.start();
    },
  },
  {
    name: "server is emptied",
    gaps: "required",
    inject: async ({ source, load }) => {
      await load.stop();
      await source.admin.flushall();
      await source.beginAnew();
      load.start();
    },
  },
  {
    name: "server is read-only for three seconds",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: async ({ source }) => {
      // Of a master that is not there: what it has stays readable, and nothing can be written.
      await source.admin.replicaof("127.0.0.1", 9);
      await passes(3_000);
      await source.admin.replicaof("NO", "ONE");
    },
  },
  {
    name: "server is out of memory for three seconds",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: async ({ source }) => {
      await source.admin.config("SET", "maxmemory", "1");
      await passes(3_000);
      await source.admin.config("SET", "maxmemory", "0");
    },
  },
  {
    name: "way to the server is frozen for three seconds",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: async ({ source }) => {
      source.proxy.freeze();
      await passes(3_000);
      source.proxy.thaw();
    },
  },
  {
    name: "way to the server is cut again and again",
    gaps: "none",
    inject: async ({ source, random }) => {
      for (let count = 0; count < 30; count++) {
        source.proxy.cut();
        await passes(random.between(10, 300));
      }
    },
  },
  {
    name: "server's answers are lost for three seconds",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: async ({ source }) => {
      source.proxy.losesAnswers = true;
      await passes(3_000);
      source.proxy.losesAnswers = false;
    },
  },
  {
    name: "storm of records",
    gaps: "none",
    config: LONG_JOURNAL,
    inject: ({ load }) => load.write(20_000),
  },
  {
    name: "two nodes are killed in turn",
    gaps: "none",
    nodes: 2,
    config: LONG_JOURNAL,
    inject: async (run) => {
      for (const node of run.nodes) {
        await node.kill();
        await node.restart();
        await flows(run);
      }
    },
  },
];

/** All clients leave, and come back to this node only. */
function moveTo({ urls, clients }: FaultRun<RedisSource>, url: string): void {
  urls.splice(0, urls.length, url);
  for (const client of clients) client.cut();
}
