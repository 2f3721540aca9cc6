import type { Offset } from "../../src/model/position.ts";
import type { Fault } from "./fault.ts";
import { type FaultRun, flows, until } from "./fault_run.ts";
import type { KafkaClusterSource } from "./kafka_cluster_source.ts";
import { keyOf } from "./load.ts";
import { isEvent, type StreamClient } from "./stream_client.ts";

/** What can happen to a topic that two brokers have. */
export const KAFKA_CLUSTER_FAULTS: readonly Fault<KafkaClusterSource>[] = [
  {
    name: "each of two brokers is killed in turn and leads again",
    gaps: "none",
    inject: async (run) => {
      const { nodes } = run.source;
      const leaders = await run.source.leaders();
      for (const { kafka } of nodes) {
        await kafka.kill();
        await flows(run);
        await kafka.restart();
        await until("it leads again what it led", async () => await run.source.leaders() === leaders);
        await flows(run);
      }
    },
  },
  {
    name: "an unclean election takes back what clients have read",
    gaps: "required",
    inject: (run) => takeBack(run, { isCutOff: false }),
  },
  {
    name: "log outgrows what an unclean election took back while the gateway is cut off",
    gaps: "required",
    inject: (run) => takeBack(run, { isCutOff: true }),
  },
];

/**
 * One broker alone accepts records and clients read them. It is killed, and the other one, which has none of them, leads and
 * gives their offsets a second time. In the end the first comes back and has to take over what the other has.
 *
 * @param isCutOff whether the gateway sees nothing of the new log until it is longer than what was read of the old one
 */
async function takeBack(run: FaultRun<KafkaClusterSource>, { isCutOff }: { isCutOff: boolean }): Promise<void> {
  const { source, load, clients } = run;
  const [first, second] = source.nodes;
  const leaders = await source.leaders();
  await stayConnected(run);
  await load.stop();
  await second.kafka.kill();
  await until("the first leads alone", () => source.isLedAloneBy(first));
  const commonEnds = await source.ends();
  load.start();
  await flows(run, 100);
  await allIsRead(run, commonEnds);
  const oldEnds = await source.ends();
  if (isCutOff) source.cutOff();
  await source.topic.configure({ "unclean.leader.election.enable": "true" });
  await first.kafka.kill();
  await second.kafka.restart();
  await until("the second leads alone", () => source.isLedAloneBy(second));
  await source.topic.configure({});
  const newEnds = await source.ends();
  for (const [partition, end] of newEnds.entries()) source.log.cutBack(partition, end);
  load.start();
  if (isCutOff) {
    await until("the log has outgrown what was read", async () => isBeyond(await source.ends(), oldEnds));
    source.reconnect();
  }
  await until("every client is told", () => clients.every((client) => isTold(client, newEnds.length)));
  await first.kafka.restart();
  await until("the first leads again what it led", async () => await source.leaders() === leaders);
  await flows(run);
  await allIsRead(run, newEnds);
  load.start();
}

/** Nothing more is written, and every client has all that was, from these offsets on. */
async function allIsRead({ source, load, clients }: FaultRun<KafkaClusterSource>, from: readonly Offset[]) {
  await load.stop();
  await source.takeStock();
  const events = source.log.partitions.flatMap(({ records }, partition) =>
    records.filter(({ offset }) => offset >= (from[partition] ?? 0n)).flatMap(({ event }) => event ?? [])
  );
  const keysFor = ({ scopes }: StreamClient) =>
    events.filter((event) => event.scopes.some((scope) => scopes.includes(scope))).map(({ key }) => key);
  await until("every client has it", () => clients.every((client) => hasAll(client, keysFor(client))));
}

/** A cursor does not say of which of two logs it is: of who comes back with one meanwhile nothing is promised. */
async function stayConnected(run: FaultRun<KafkaClusterSource>): Promise<void> {
  for (const client of run.clients) {
    client.cutShare = 0;
    client.pollShare = 0;
    client.cut();
  }
  await flows(run);
}

function isBeyond(ends: readonly Offset[], others: readonly Offset[]): boolean {
  return ends.every((end, partition) => end > (others[partition] ?? 0n));
}

function isTold({ streams }: StreamClient, partitions: number): boolean {
  const gaps = streams.flatMap(({ blocks }) => blocks).filter(({ event }) => event === "stream.gap-detected");
  return new Set(gaps.map(({ data }) => JSON.parse(data ?? "").partition)).size === partitions;
}

function hasAll({ streams }: StreamClient, keys: readonly string[]): boolean {
  const given = new Set(streams.flatMap(({ blocks }) => blocks).filter(isEvent).map(({ data }) => keyOf(data ?? "")));
  return keys.every((key) => given.has(key));
}
