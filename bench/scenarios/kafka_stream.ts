import { join } from "node:path";
import { parse } from "yaml";
import { startKafka } from "../../tests/support/kafka_server.ts";
import { formatFigure } from "../format_figure.ts";
import { createTopic } from "../kafka_topic.ts";
import type { ListenResult } from "../load_job.ts";
import { ownRow } from "../own_row.ts";
import { ROOT, startTidegate } from "../peers/tidegate_peer.ts";
import { runLoad } from "../run_load.ts";
import type { Scenario } from "../scenario.ts";

const CONNECTIONS = 100;
const RECORDS_A_SECOND = 20_000;
const WARM_UP_SECONDS = 3;
const TOPIC = "ai.tasks";
const PARTITIONS = 3;

/** The main job: task records from a real Kafka, through the example's own mapping, to the users they are about. */
export const kafkaStream: Scenario = {
  name: "kafka",
  title: "Kafka to stream: 20,000 records a second through the example mapping to 100 connections, 3 partitions",
  run: async (options) => {
    await using kafka = await startKafka();
    const [broker = ""] = kafka.brokers;
    await createTopic(broker, TOPIC, PARTITIONS);
    await using gateway = await startTidegate({
      sources: { tasks: { kafka: { brokers: [broker], topic: TOPIC }, format: "json" } },
      mappings: { rules: await exampleRules() },
    });
    const seconds = WARM_UP_SECONDS + options.seconds;
    const rate = String(RECORDS_A_SECOND);
    const result = await runLoad({
      kind: "listen",
      port: gateway.port,
      pids: gateway.pids(),
      requests: Array.from(
        { length: CONNECTIONS },
        (_, index) => gateway.streamRequest(`u${index}`, [`user:u${index}`]),
      ),
      events: RECORDS_A_SECOND * seconds,
      measuredFrom: RECORDS_A_SECOND * WARM_UP_SECONDS,
      producer: [
        ...[Deno.execPath(), "run", "-A", join(ROOT, "bench", "load", "produce.ts")],
        ...[broker, TOPIC, rate, String(seconds), String(CONNECTIONS)],
      ],
      timeoutMs: (seconds + 30) * 1_000,
    });
    options.say(`  ${JSON.stringify(result)}`);
    return { rows: rowsOf(result), raw: result };
  },
};

/** The rules of docs/examples/novel-platform that read its Kafka topic of tasks, word for word. */
export async function exampleRules(): Promise<readonly unknown[]> {
  const text = await Deno.readTextFile(join(ROOT, "docs", "examples", "novel-platform", "tidegate.yaml"));
  // The example is checked by a test of its own.
  const { mappings } = parse(text) as { mappings: { rules: readonly { readonly source: string }[] } };
  return mappings.rules.filter(({ source }) => source === "tasks");
}

function rowsOf(result: ListenResult) {
  const { missing, duplicates, outOfOrder, latency, serverCPUSeconds, elapsedMs, peakMB, received } = result;
  const isFlawless = missing === 0 && duplicates === 0 && outOfOrder === 0 && result.problems.length === 0;
  return [
    ownRow({
      what: "nothing lost or twice, each stream in order",
      tidegate: isFlawless
        ? `yes, of ${formatFigure.count(received)}`
        : `no: ${missing} missing, ${duplicates} twice, ${outOfOrder} out of order`,
      target: "yes",
      isMet: isFlawless,
    }),
    ownRow({
      what: "due at the producer to socket, p50 / p99",
      tidegate: `${formatFigure.milliseconds(latency.p50Ms)} / ${formatFigure.milliseconds(latency.p99Ms)}`,
    }),
    ownRow({
      what: "records a second over the whole run",
      tidegate: formatFigure.perSecond(received * 1_000 / elapsedMs),
    }),
    ownRow({
      what: "CPU of one core; a record",
      tidegate: `${formatFigure.percent(serverCPUSeconds * 100_000 / elapsedMs)}; ${
        formatFigure.microseconds(serverCPUSeconds * 1e6 / received)
      }`,
    }),
    ownRow({ what: "peak memory", tidegate: formatFigure.megabytes(peakMB) }),
  ];
}
