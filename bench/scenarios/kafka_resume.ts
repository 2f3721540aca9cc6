import { startKafka } from "../../tests/support/kafka_server.ts";
import { CountingProxy } from "../counting_proxy.ts";
import { createTopic } from "../kafka_topic.ts";
import type { ResumeResult } from "../load_job.ts";
import { ownRow } from "../own_row.ts";
import { PUBLISH_RATE, startTidegate } from "../peers/tidegate_peer.ts";
import { publishEvents } from "../publish_events.ts";
import { readCursor } from "../read_cursor.ts";
import { runLoad } from "../run_load.ts";
import type { Scenario } from "../scenario.ts";
import { herdRows, resumeJob, scopesOfMissedEvents } from "./resume.ts";

const HERD = 2_000;
const MAX_PASSES = 1.2;
const TOPIC = "published";
const MB = 1_024 ** 2;
/** What is fetched anyway, idle, is taken off: measured for so long. */
const IDLE_MS = 2_000;

/**
 * Clients come back for what this node has forgotten: the journal is too short, so Kafka must be read. How much of it
 * is read is counted between the broker and a gateway that has just started; one client alone shows what one pass is.
 */
export const kafkaResume: Scenario = {
  name: "kafka-resume",
  title: "Resume of 1,000 events that only Kafka still has, spread over 5,000 records",
  run: async (options) => {
    await using proxy = new CountingProxy();
    await using kafka = await startKafka({ advertisedPort: proxy.port });
    proxy.connectTo(kafka.behindPort);
    const broker = `127.0.0.1:${proxy.port}`;
    await createTopic(broker, TOPIC, 1);
    const settings = {
      sources: { published: { kafka: { brokers: [broker], topic: TOPIC }, format: "tidegate" } },
      publish: { source: "published", rate: PUBLISH_RATE },
      journal: { maxEvents: 100 },
      replay: { maxEvents: 10_000 },
    };
    const cursor = await publishWhatIsMissed(settings);
    const alone = await measure(settings, cursor, 1, proxy);
    const herd = await measure(settings, cursor, HERD, proxy);
    const passes = herd.bytes / alone.bytes;
    options.say(`  alone ${JSON.stringify(alone)}`);
    options.say(`  herd ${JSON.stringify(herd)}`);
    return {
      rows: [
        ownRow({
          what: "one client: request to first / last event",
          tidegate: `${alone.result.first.maxMs} ms / ${alone.result.last.maxMs} ms`,
        }),
        ownRow({
          what: "2,000 clients at once: read from Kafka, beside one client's pass",
          tidegate: `${passes.toFixed(2)} × (${(herd.bytes / MB).toFixed(2)} MB, ${(alone.bytes / MB).toFixed(2)} MB)`,
          target: `≤ ${MAX_PASSES} ×`,
          isMet: passes <= MAX_PASSES,
        }),
        ...herdRows(herd.result),
      ],
      raw: { alone, herd },
    };
  },
};

async function publishWhatIsMissed(settings: Readonly<Record<string, unknown>>): Promise<string> {
  await using gateway = await startTidegate(settings);
  const cursor = await readCursor(gateway, "u0", ["novel:1"]);
  await publishEvents(gateway, scopesOfMissedEvents(), 200);
  return cursor;
}

interface CountedResume {
  readonly result: ResumeResult;
  readonly bytes: number;
}

async function measure(
  settings: Readonly<Record<string, unknown>>,
  cursor: string,
  clients: number,
  proxy: CountingProxy,
): Promise<CountedResume> {
  await using gateway = await startTidegate(settings);
  const idleFrom = proxy.received;
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const idleBytesPerMs = (proxy.received - idleFrom) / IDLE_MS;
  const before = proxy.received;
  const result = await runLoad(resumeJob(gateway, cursor, clients));
  return { result, bytes: proxy.received - before - idleBytesPerMs * result.allMs };
}
