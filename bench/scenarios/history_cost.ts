import { join } from "node:path";
import { createParser } from "eventsource-parser";
import { Redis } from "ioredis";
import { startKafka } from "../../tests/support/kafka_server.ts";
import { startRedis } from "../../tests/support/redis_server.ts";
import { mean } from "../compare_peers.ts";
import { formatFigure } from "../format_figure.ts";
import { createTopic } from "../kafka_topic.ts";
import { ownRow } from "../own_row.ts";
import { signToken } from "../peers/sign_token.ts";
import { ROOT, type SettingsOverrides, startTidegate } from "../peers/tidegate_peer.ts";
import { cpuSeconds, memoryMB } from "../process_figures.ts";
import type { Scenario } from "../scenario.ts";
import { exampleRules } from "./kafka_stream.ts";

const RECORDS_A_SECOND = 20_000;
const WARM_UP_SECONDS = 3;
const TOPIC = "ai.tasks";
const PARTITIONS = 3;
/** One of them reads, which shows when all is read and costs next to nothing. */
const USERS = 100;
const MAX_MORE_PERCENT = 15;
/** Long enough for the history's last write. */
const SETTLE_MS = 1_000;
const TIMEOUT_MS = 60_000;

/** Ingest by itself, hardly anything is delivered: what the Redis history adds to it. */
export const historyCost: Scenario = {
  name: "history-cost",
  title:
    "Redis history: what it adds to the ingest of 20,000 records a second from Kafka, 3 partitions, one reader of 1 %",
  run: async (options) => {
    await using kafka = await startKafka();
    await using redis = await startRedis();
    const [broker = ""] = kafka.brokers;
    const rules = await exampleRules();
    const plain: IngestCost[] = [];
    const kept: IngestCost[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const costs of [plain, kept]) {
        // Of its own, so that no round finds what another has left.
        const topic = `${TOPIC}.${round}.${costs === kept ? "kept" : "plain"}`;
        await createTopic(broker, topic, PARTITIONS);
        const settings = {
          sources: { tasks: { kafka: { brokers: [broker], topic }, format: "json" } },
          mappings: { rules },
          ...(costs === kept ? { history: { redis: { url: redis.url, prefix: topic } } } : {}),
        };
        const cost = await measure(settings, broker, topic, options.seconds);
        const written = costs === kept ? await recordsKept(redis.url, topic) : undefined;
        options.say(`  ${topic} ${JSON.stringify({ ...cost, written })}`);
        costs.push({ ...cost, written });
      }
    }
    const [withoutUs, withUs] = [plain, kept].map((costs) => mean(costs.map(({ cpuMicroseconds }) => cpuMicroseconds)));
    const morePercent = ((withUs ?? Number.NaN) / (withoutUs ?? Number.NaN) - 1) * 100;
    const records = (WARM_UP_SECONDS + options.seconds) * RECORDS_A_SECOND;
    const isComplete = kept.every(({ written }) => written === records);
    return {
      rows: [
        ownRow({
          what: "CPU a record, without / with the history",
          tidegate: `${formatFigure.microseconds(withoutUs ?? Number.NaN)} / ${
            formatFigure.microseconds(withUs ?? Number.NaN)
          } (${morePercent.toFixed(0)} % more)`,
          target: `≤ ${MAX_MORE_PERCENT} % more`,
          isMet: morePercent <= MAX_MORE_PERCENT,
        }),
        ownRow({
          what: "CPU of one core, without / with",
          tidegate: [plain, kept].map((costs) =>
            formatFigure.percent(mean(costs.map(({ corePercent }) => corePercent)))
          )
            .join(" / "),
        }),
        ownRow({
          what: "peak memory, without / with",
          tidegate: [plain, kept].map((costs) => formatFigure.megabytes(mean(costs.map(({ peakMB }) => peakMB)))).join(
            " / ",
          ),
        }),
        ownRow({
          what: "every record that was read is kept in Redis, once",
          tidegate: isComplete ? `yes, ${formatFigure.count(records)}` : `no: ${kept.map(({ written }) => written)}`,
          target: "yes",
          isMet: isComplete,
        }),
      ],
      raw: { plain, kept },
    };
  },
};

interface IngestCost {
  readonly cpuMicroseconds: number;
  readonly corePercent: number;
  readonly peakMB: number;
  /** Records of which there is an entry in Redis, each counted once. */
  readonly written?: number | undefined;
}

async function measure(
  settings: SettingsOverrides,
  broker: string,
  topic: string,
  measuredSeconds: number,
): Promise<IngestCost> {
  await using gateway = await startTidegate(settings);
  const seconds = WARM_UP_SECONDS + measuredSeconds;
  const warmUp = WARM_UP_SECONDS * RECORDS_A_SECOND;
  const total = seconds * RECORDS_A_SECOND;
  const reader = readNumbers(gateway.port);
  const producer = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", join(ROOT, "bench", "load", "produce.ts")],
      ...[broker, topic, String(RECORDS_A_SECOND), String(seconds), String(USERS)],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let fromMs = Number.NaN;
  let cpuBefore = Number.NaN;
  for await (const number of reader) {
    if (number >= warmUp && Number.isNaN(fromMs)) {
      fromMs = performance.now();
      cpuBefore = cpuSeconds(gateway.pids());
    }
    // The reader's last one: the others behind it are in the same moment's fetch.
    if (number === total - USERS) break;
  }
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const cpu = cpuSeconds(gateway.pids()) - cpuBefore;
  const elapsedMs = performance.now() - fromMs - SETTLE_MS;
  const { success } = await producer.status;
  if (!success) throw new Error("Cannot measure: the producer has failed");
  return {
    cpuMicroseconds: cpu * 1e6 / (total - warmUp),
    corePercent: cpu * 100_000 / elapsedMs,
    peakMB: memoryMB(gateway.pids()).peakMB,
  };
}

/** Numbers of the records for the first user, as they come. */
async function* readNumbers(port: number): AsyncGenerator<number> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/events/stream?scope=user:u0`, {
    headers: { authorization: `Bearer ${signToken({ sub: "u0" })}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok || response.body === null) throw new Error(`Cannot read the stream: ${response.status}`);
  let numbers: number[] = [];
  const parser = createParser({
    onEvent: ({ data }) => {
      const taskID = JSON.parse(data).data?.taskId;
      if (taskID !== undefined) numbers.push(Number(taskID));
    },
  });
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    parser.feed(text);
    yield* numbers;
    numbers = [];
  }
}

async function recordsKept(url: string, prefix: string): Promise<number> {
  const redis = new Redis(url);
  try {
    let kept = 0;
    for (const key of await redis.keys(`${prefix}:*`)) {
      for (let from = "-", page = []; (page = await redis.xrange(key, from, "+", "COUNT", 100)).length > 0;) {
        for (const [id, fields] of page) {
          const heads: unknown = JSON.parse(fields[fields.indexOf("h") + 1] ?? "");
          if (!Array.isArray(heads)) throw new Error(`Cannot read entry ${id} of ${key}`);
          kept += heads.length;
          from = `(${id}`;
        }
      }
    }
    return kept;
  } finally {
    await redis.quit();
  }
}
