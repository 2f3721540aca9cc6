import type { Fault } from "./fault.ts";
import { type FaultRun, flows, passes, until, whileAway, whilePaused } from "./fault_run.ts";
import type { HistorySource } from "./history_source.ts";

/** Whoever comes back is sent past the node's memory. */
const config = { journal: { maxEvents: 30 } };

/**
 * Kafka or the history has everything, so whatever becomes of one of them no client may hear of it. Each row leaves a Redis
 * that works, and then a replay must be answered from it: where it is never read the rows would be as green.
 */
export const HISTORY_FAULTS: readonly Fault<HistorySource>[] = [
  row("server is killed and comes back empty", async (run) => {
    await run.source.redis.kill();
    await comeBack(run);
    await run.source.redis.restart();
    await comeBack(run);
  }, { isQuick: true }),
  row("server is away for five seconds", async (run) => {
    await run.source.redis.stop();
    await comeBack(run);
    await passes(5_000);
    await run.source.redis.restart();
    await comeBack(run);
  }),
  row("server is frozen while clients come back", (run) => whilePaused(run.source.redis, () => comeBack(run))),
  row("server is emptied", async (run) => {
    await run.source.admin.flushall();
    await comeBack(run);
  }),
  row("streams are trimmed while clients come back", async (run) => {
    for (let count = 0; count < 5; count++) {
      for (const key of await run.source.keys()) await run.source.admin.xtrim(key, "MAXLEN", 5).catch(() => {});
      await comeBack(run);
    }
  }),
  row("entries are taken out of the middle", async (run) => {
    await run.load.write(300);
    for (const key of await run.source.keys()) {
      const entries = await run.source.admin.xrange(key, "-", "+", "COUNT", 200).catch(() => []);
      const ids = entries.map(([id]) => id).filter((_, index) => index % 3 === 1);
      if (ids.length > 0) await run.source.admin.xdel(key, ...ids);
    }
    await comeBack(run);
  }, { isQuick: true }),
  row("server is read-only for three seconds", async (run) => {
    await run.source.admin.replicaof("127.0.0.1", 9);
    await comeBack(run);
    await passes(3_000);
    await run.source.admin.replicaof("NO", "ONE");
    await comeBack(run);
  }),
  row("server is out of memory and evicts what it likes", async (run) => {
    await run.source.admin.config("SET", "maxmemory-policy", "allkeys-random");
    await run.source.admin.config("SET", "maxmemory", "1500kb");
    for (let count = 0; count < 5; count++) await comeBack(run);
    await run.source.admin.config("SET", "maxmemory", "0");
  }),
  row("server is out of memory and takes nothing", async (run) => {
    await run.source.admin.config("SET", "maxmemory-policy", "noeviction");
    await run.source.admin.config("SET", "maxmemory", "1");
    await comeBack(run);
    await run.source.admin.config("SET", "maxmemory", "0");
    await comeBack(run);
  }),
  row("records are deleted from Kafka while the history holds them", async (run) => {
    await run.load.stop();
    await whileAway(run, async () => {
      await run.load.write(200);
      await run.source.written();
      await run.source.deleteAllRecords();
      // Beyond what the journal holds.
      await run.load.write(200);
      await run.source.written();
    });
    run.load.start();
    await flows(run);
  }, { isQuick: true }),
  row("one of two nodes that write it is killed, and starts while the other writes on", async (run) => {
    const [, node] = run.nodes;
    await node?.kill();
    await comeBack(run);
    await node?.restart();
    await comeBack(run);
  }, { nodes: 2 }),
  row("one of two nodes that write it stands still, and comes late with what the other has written", async (run) => {
    const [, node] = run.nodes;
    if (node === undefined) throw new Error("Cannot hold up one of two nodes: there are not two");
    await whilePaused(node, async () => {
      await run.load.write(200);
      await passes(2_000);
    });
    await comeBack(run);
  }, { nodes: 2 }),
  row("server is emptied while one of two nodes that write it starts", async (run) => {
    const [, node] = run.nodes;
    await Promise.all([node?.restart(), run.source.admin.flushall()]);
    await comeBack(run);
  }, { nodes: 2 }),
];

function row(
  name: string,
  inject: (run: FaultRun<HistorySource>) => Promise<void>,
  also: Pick<Fault<HistorySource>, "isQuick" | "nodes"> = {},
): Fault<HistorySource> {
  return {
    name,
    gaps: "none",
    config,
    ...also,
    inject: async (run) => {
      // A history that nobody writes could not be missed.
      await until("the history holds something", async () => (await run.source.keys()).length > 0);
      await inject(run);
      await replayFromHistory(run);
    },
  };
}

/** All clients are away for more than the journal holds, and come back. */
async function comeBack(run: FaultRun<HistorySource>): Promise<void> {
  await whileAway(run, () => run.load.write(200));
  await flows(run);
}

/** The writer rests meanwhile: of what has just been written, the history may not have what the journal has let go of. */
async function replayFromHistory(run: FaultRun<HistorySource>): Promise<void> {
  const { clients, load, source } = run;
  await load.stop();
  await until("a replay is answered from the history", async () => {
    const replays = clients.map((client) => client.replayCount("redis"));
    let events: readonly number[] = [];
    await whileAway(run, async () => {
      events = clients.map(({ eventCount }) => eventCount);
      await load.write(200);
      await source.written();
    });
    await until(
      "every client has news",
      () => clients.every(({ eventCount }, index) => eventCount > (events[index] ?? 0)),
    );
    // Who was still behind what the row has broken is now at the head, and comes back to what was written since.
    return clients.some((client, index) => client.replayCount("redis") > (replays[index] ?? 0));
  });
  load.start();
}
