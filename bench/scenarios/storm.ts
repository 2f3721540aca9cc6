import { startKafka } from "../../tests/support/kafka_server.ts";
import { startRedis } from "../../tests/support/redis_server.ts";
import { CountingProxy } from "../counting_proxy.ts";
import { formatFigure } from "../format_figure.ts";
import { createTopic } from "../kafka_topic.ts";
import { LivePair } from "../live_pair.ts";
import type { LatencyFigures, StormResult } from "../load_job.ts";
import { ownRow } from "../own_row.ts";
import { PUBLISH_RATE, type SettingsOverrides, startTidegate } from "../peers/tidegate_peer.ts";
import { publishEvents } from "../publish_events.ts";
import { readCursor } from "../read_cursor.ts";
import { runLoad } from "../run_load.ts";
import type { ReportRow, Scenario } from "../scenario.ts";
import { scopesOfMissedEvents } from "./resume.ts";

const CLIENTS = 5_000;
const SPREAD_MS = 5_000;
const EVENTS_EACH = 1_000;
const PAYLOAD_BYTES = 200;
const SCOPE = "novel:1";
/**
 * Half of it, each source's share, is what a fresh node warms itself with: the events behind those that are missed. The other half
 * is room for the live ones of a whole run: they shall not push out what need not be read from Kafka.
 */
const JOURNAL_EVENTS = 12_000;
const TIMEOUT_MS = 90_000;
const IDLE_MS = 8_000;
const MAX_PASSES = 1.2;
const MAX_LIVE_RATIO = 2;
/** 5,000 connections, journal, what is kept of passes and what is on its way, each at its limit, and the process itself. */
const MAX_PEAK_MB = 1_200;
const MB = 1_024 ** 2;

/**
 * A crowd comes back to a node that was started anew and has not warmed up as far back: all that they have missed is read
 * from Kafka, or from the Redis history. What Kafka sends for it is counted between the broker and the gateway; one client
 * alone shows what one pass is. Beside it somebody else's live events go their way, through a Redis Stream, so that they are not counted.
 */
export const storm: Scenario = {
  name: "storm",
  title:
    "Reconnect storm: 5,000 clients within 5 s, each 1,000 events behind, spread over 5,000 records that a fresh node must read again",
  run: async (options) => {
    await using proxy = new CountingProxy();
    await using redis = await startRedis();
    await using kafka = await startKafka({ advertisedPort: proxy.port });
    proxy.connectTo(kafka.behindPort);
    const broker = `127.0.0.1:${proxy.port}`;
    await createTopic(broker, "missed", 1);
    const settings = {
      sources: {
        missed: { kafka: { brokers: [broker], topic: "missed" }, format: "tidegate" },
        live: { redis: { url: redis.url, stream: "live" }, format: "tidegate" },
      },
      publish: { source: "live", rate: PUBLISH_RATE },
      journal: { maxEvents: JOURNAL_EVENTS },
      replay: { maxEvents: 2_000 },
    };
    const withHistory = { ...settings, history: { redis: { url: redis.url } } };
    const cursor = await publishWhatIsMissed({ ...withHistory, publish: { source: "missed", rate: PUBLISH_RATE } });
    const alone = await measure(settings, { cursor, clients: 1, idleMs: 2_000 }, proxy);
    options.say(`  alone ${JSON.stringify(alone)}`);
    const fromKafka = await measure(settings, { cursor, clients: CLIENTS, idleMs: IDLE_MS }, proxy);
    options.say(`  from Kafka ${JSON.stringify(fromKafka)}`);
    const fromHistory = await measure(withHistory, { cursor, clients: CLIENTS, idleMs: IDLE_MS }, proxy);
    options.say(`  from the history ${JSON.stringify(fromHistory)}`);
    return {
      rows: [...rowsOf("Kafka", fromKafka, alone), ...rowsOf("Redis history", fromHistory, alone)],
      raw: { alone, fromKafka, fromHistory },
    };
  },
};

async function publishWhatIsMissed(settings: SettingsOverrides): Promise<string> {
  await using gateway = await startTidegate(settings);
  const cursor = await readCursor(gateway, "u0", [SCOPE]);
  const later = Array.from({ length: JOURNAL_EVENTS / 2 }, (_, index) => `novel:later-${index}`);
  await publishEvents(gateway, [...scopesOfMissedEvents(), ...later], PAYLOAD_BYTES);
  return cursor;
}

interface StormWish {
  readonly cursor: string;
  readonly clients: number;
  /** How long the node is watched before they come. */
  readonly idleMs: number;
}

interface MeasuredStorm {
  readonly result: StormResult;
  /** Read from the broker, less what idle fetches are. */
  readonly bytes: number;
  readonly live: { readonly idle: LatencyFigures; readonly meanwhile: LatencyFigures; readonly behind: LatencyFigures };
}

async function measure(
  settings: SettingsOverrides,
  { cursor, clients, idleMs }: StormWish,
  proxy: CountingProxy,
): Promise<MeasuredStorm> {
  await using gateway = await startTidegate(settings);
  await using live = await LivePair.start(gateway);
  // What has never run before is not counted as idle.
  await new Promise((resolve) => setTimeout(resolve, idleMs / 4));
  const [idleFromMs, idleFrom] = [performance.now(), proxy.received];
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const [fromMs, from] = [performance.now(), proxy.received];
  const idleBytesPerMs = (from - idleFrom) / (fromMs - idleFromMs);
  const result = await runLoad({
    kind: "storm",
    port: gateway.port,
    pids: gateway.pids(),
    requests: Array.from({ length: clients }, (_, index) => gateway.streamRequest(`u${index}`, [SCOPE])),
    cursor,
    spreadMs: SPREAD_MS,
    eventsEach: EVENTS_EACH,
    payloadBytes: PAYLOAD_BYTES,
    timeoutMs: TIMEOUT_MS,
  });
  const toMs = performance.now();
  const startMs = toMs - result.allMs;
  return {
    result,
    bytes: Math.max(0, proxy.received - from - idleBytesPerMs * (toMs - fromMs)),
    live: {
      idle: live.figures(idleFromMs, fromMs),
      meanwhile: live.figures(startMs, toMs),
      behind: live.figures(startMs + SPREAD_MS, toMs),
    },
  };
}

function rowsOf(rung: string, { result, bytes, live }: MeasuredStorm, alone: MeasuredStorm): readonly ReportRow[] {
  const { caughtUp, allMs, late, told, missing, clientsOutOfOrder, refusals, cut, serverCPUSeconds, peakMB } = result;
  const isLossless = missing === 0 && clientsOutOfOrder === 0;
  const passes = bytes / alone.bytes;
  const ratio = live.meanwhile.p99Ms / live.idle.p99Ms;
  const refused = Object.entries(refusals).map(([reason, count]) => `${formatFigure.count(count)} ${reason}`);
  return [
    ownRow({
      what: `from ${rung}: at the head, or told what is lost`,
      tidegate: `${formatFigure.count(caughtUp.count)} of ${formatFigure.count(caughtUp.count + late)} after ${
        formatFigure.milliseconds(allMs)
      }, ${told} told of a gap`,
      target: "all",
      isMet: late === 0,
    }),
    ownRow({
      what: `from ${rung}: nothing lost in silence, nothing twice, in order`,
      tidegate: isLossless ? "yes" : `no: ${missing} missing, ${clientsOutOfOrder} clients out of order`,
      target: "yes",
      isMet: isLossless,
    }),
    ownRow({
      what: `from ${rung}: read from Kafka, beside one client's pass`,
      tidegate: `${passes.toFixed(2)} × (${(bytes / MB).toFixed(2)} MB, ${(alone.bytes / MB).toFixed(2)} MB)`,
      target: `≤ ${MAX_PASSES} ×`,
      isMet: passes <= MAX_PASSES,
    }),
    ownRow({
      what: `from ${rung}: a live stream's p99, idle / meanwhile`,
      tidegate: `${formatFigure.milliseconds(live.idle.p99Ms)} / ${formatFigure.milliseconds(live.meanwhile.p99Ms)}`,
      target: `≤ ${MAX_LIVE_RATIO} × idle`,
      isMet: ratio <= MAX_LIVE_RATIO,
    }),
    ownRow({
      what: `from ${rung}: the same, once all have come`,
      tidegate: formatFigure.milliseconds(live.behind.p99Ms),
    }),
    ownRow({
      what: `from ${rung}: soft refusals, tried again as told; streams cut`,
      tidegate: `${refused.length === 0 ? "0" : refused.join(", ")}; ${cut}`,
    }),
    ownRow({
      what: `from ${rung}: peak memory; CPU`,
      tidegate: `${formatFigure.megabytes(peakMB)}; ${serverCPUSeconds.toFixed(1)} s`,
      target: `≤ ${formatFigure.megabytes(MAX_PEAK_MB)}`,
      isMet: peakMB <= MAX_PEAK_MB,
    }),
  ];
}
