import type { Offset } from "../../src/model/position.ts";
import { readCursor } from "../checker/read_cursor.ts";
import type { HoldingPoint } from "../support/tcp_proxy.ts";
import { APIWriter } from "./api_writer.ts";
import type { Fault } from "./fault.ts";
import { type FaultRun, flows, onlyNode, until, whileAway } from "./fault_run.ts";
import type { FaultServers } from "./fault_servers.ts";
import type { ReadableSource } from "./fault_source.ts";
import type { HistorySource } from "./history_source.ts";
import type { KafkaSource } from "./kafka_source.ts";
import { answerTo, answerToProduce, halfOfAnswer, halfOfRequest, killAt, request } from "./kill_points.ts";
import { OutboxWriter } from "./outbox_writer.ts";
import { PublishedSource } from "./published_source.ts";
import type { RecordedLog } from "./recorded_log.ts";
import { RedisSource } from "./redis_source.ts";
import type { StreamClient } from "./stream_client.ts";

/** So often is a gateway of a row killed at its point. */
const KILLS = 3;
/** Whoever comes back is sent past the node's memory. */
const SHORT_JOURNAL = { journal: { maxEvents: 30 } };
/** In each record, and in no other bytes on the way. */
const RECORD = '"key":"e/';

/** A gateway is killed where it has published by its API and does not know it yet. */
export const REDIS_PUBLISH_KILLS: readonly Fault<PublishedSource<RedisSource, APIWriter>>[] = [
  {
    name: "killed when Redis has taken a publish and has not answered",
    gaps: "none",
    isQuick: true,
    inject: (run) => killPublishing(run, () => answerTo(RECORD)),
  },
];

export const KAFKA_PUBLISH_KILLS: readonly Fault<PublishedSource<KafkaSource, APIWriter>>[] = [
  {
    name: "killed when Kafka has taken a publish and has not answered",
    gaps: "none",
    inject: (run) => killPublishing(run, answerToProduce),
  },
];

export const OUTBOX_KILLS: readonly Fault<PublishedSource<RedisSource, OutboxWriter>>[] = [
  {
    name: "killed when rows of the outbox are published and not deleted",
    gaps: "none",
    isQuick: true,
    inject: async (run) => {
      const { writer } = run.source;
      for (let count = 0; count < KILLS; count++) {
        await killAt(run, writer.proxy, request(`DELETE FROM ${writer.table} WHERE id = ANY`));
        await onlyNode(run).restart();
        run.source.copiesDue++;
        await flows(run);
      }
    },
  },
];

export const HISTORY_KILLS: readonly Fault<HistorySource>[] = [
  {
    name: "killed when the history has taken what was written and has not answered",
    gaps: "none",
    config: SHORT_JOURNAL,
    isQuick: true,
    inject: (run) => killWritingHistory(run, () => answerTo("xadd")),
  },
  {
    name: "killed when half of what it writes into the history is sent",
    gaps: "none",
    config: SHORT_JOURNAL,
    inject: (run) => killWritingHistory(run, () => halfOfRequest("xadd")),
  },
];

export const KAFKA_READ_KILLS: readonly Fault<KafkaSource>[] = [
  {
    name: "killed when streams are opened and Kafka's answer to their replay is on its way",
    gaps: "none",
    config: SHORT_JOURNAL,
    inject: killReplaying,
  },
  {
    name: "killed when Kafka's first records of its start have come in part",
    gaps: "none",
    inject: killStarting,
  },
];

export const REDIS_READ_KILLS: readonly Fault<RedisSource>[] = [
  {
    name: "killed when streams are opened and Redis' answer to their replay is on its way",
    gaps: "none",
    config: SHORT_JOURNAL,
    isQuick: true,
    inject: killReplaying,
  },
  {
    name: "killed when Redis' first records of its start have come in part",
    gaps: "none",
    isQuick: true,
    inject: killStarting,
  },
];

/** A log that an application writes by the API of the gateways. */
export async function openPublished<Inner extends ReadableSource>(
  opening: Promise<Inner>,
): Promise<PublishedSource<Inner, APIWriter>> {
  const inner = await opening;
  return new PublishedSource(inner, new APIWriter(inner.log));
}

/** A Redis stream that the gateways' relay of an outbox writes. */
export async function openOutbox(servers: FaultServers): Promise<PublishedSource<RedisSource, OutboxWriter>> {
  const inner = await RedisSource.open(servers);
  return new PublishedSource(inner, await OutboxWriter.open(servers, inner.log.source));
}

/** The application asks again: the log must hold a second copy of one event for each kill, at the least. */
async function killPublishing<Inner extends ReadableSource>(
  run: FaultRun<PublishedSource<Inner, APIWriter>>,
  point: () => HoldingPoint,
): Promise<void> {
  for (let count = 0; count < KILLS; count++) {
    await killAt(run, run.source.proxy, point());
    await onlyNode(run).restart();
    run.source.copiesDue++;
    await flows(run);
  }
}

async function killWritingHistory(run: FaultRun<HistorySource>, point: () => HoldingPoint): Promise<void> {
  await until("the history holds something", async () => (await run.source.keys()).length > 0);
  for (let count = 0; count < KILLS; count++) {
    await killAt(run, run.source.historyProxy, point());
    await onlyNode(run).restart();
    await whileAway(run, () => run.load.write(200));
    await flows(run);
  }
}

/** All but one are away for longer than the journal lasts; the gateway is killed when it has begun to serve them. */
async function killReplaying(run: FaultRun<ReadableSource>): Promise<void> {
  const others = [...run.clients];
  const watcher = await joinForGood(run);
  for (let count = 0; count < KILLS; count++) {
    await Promise.all(others.map((client) => client.stop()));
    const first = run.load.sentCount;
    await run.load.write(500);
    // From here on the gateway reads them again only for those who come back, and has not yet done so for anybody.
    const ends = run.source.log.epochs.at(-1)?.partitions.map(({ next }) => next) ?? [];
    await until("the gateway has read them", () => isPast(watcher, run.source.log, ends));
    const pollShares = others.map(({ pollShare }) => pollShare);
    const isReplaying = () =>
      others.some(({ streams }) => {
        const { blocks = [] } = streams.at(-1) ?? {};
        return blocks[0]?.event === "stream.opened" && blocks.every(({ event }) => event !== "stream.caught-up");
      });
    await killAt(run, run.source.proxy, halfOfAnswer(first, first + 300), {
      isThere: isReplaying,
      leadThere: () => {
        for (const client of others) {
          client.pollShare = 0;
          client.start();
        }
      },
    });
    await onlyNode(run).restart();
    for (const [index, client] of others.entries()) client.pollShare = pollShares[index] ?? 0;
    await flows(run);
  }
}

/** A further client, whose connection nobody cuts: the gateway keeps for a while what it has read for one that comes back. */
async function joinForGood(run: FaultRun<ReadableSource>): Promise<StreamClient> {
  await run.join();
  const client = run.clients.at(-1);
  if (client === undefined) throw new Error("Cannot watch the gateway: nobody has joined");
  await client.stop();
  client.cutShare = 0;
  client.pollShare = 0;
  client.start();
  return client;
}

/** Whether the client's cursor has come to these offsets, one for each partition. */
function isPast({ lastId = "" }: StreamClient, log: RecordedLog, ends: readonly Offset[]): boolean {
  const position = readCursor(lastId, [log])?.positions.get(log.source);
  return ends.every((end, partition) => (position?.next[partition] ?? 0n) >= end);
}

async function killStarting(run: FaultRun<ReadableSource>): Promise<void> {
  const node = onlyNode(run);
  await node.kill();
  for (let count = 0; count < KILLS; count++) {
    let isReady = false;
    let started = Promise.resolve();
    await killAt(run, run.source.proxy, halfOfAnswer(0, Number.POSITIVE_INFINITY), {
      leadThere: () => {
        started = node.restart().then(() => void (isReady = true), () => {});
      },
      isThere: () => !isReady,
    });
    await started;
  }
  await node.restart();
}
