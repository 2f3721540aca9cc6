import { OutboxFixture } from "../../tests/outbox/outbox_fixture.ts";
import { startKafka } from "../../tests/support/kafka_server.ts";
import { startPostgres } from "../../tests/support/postgres_server.ts";
import { formatFigure } from "../format_figure.ts";
import { createTopic } from "../kafka_topic.ts";
import { leastSquaresSlope } from "../least_squares.ts";
import { ownRow } from "../own_row.ts";
import { startTidegate } from "../peers/tidegate_peer.ts";
import { memoryMB } from "../process_figures.ts";
import type { Scenario } from "../scenario.ts";

const ROWS = 1_000_000;
const DATA_BYTES = 200;
const TOPIC = "app-events";
const PARTITIONS = 3;
const SAMPLE_MS = 1_000;
/** At ten thousand rows a second a leak of a hundred bytes a row is 57 MB a minute. */
const MAX_SLOPE_MB = 30;
const TIMEOUT_MS = 20 * 60_000;

/** The relay comes back after a long outage: a million rows wait in PostgreSQL, and go to Kafka and through the gateway. */
export const outboxBacklog: Scenario = {
  name: "outbox-backlog",
  title:
    "Outbox: 1,000,000 rows of 200 bytes wait in PostgreSQL and are relayed into Kafka, read back by the same node",
  run: async (options) => {
    await using kafka = await startKafka();
    await using postgres = await startPostgres();
    await using outbox = await OutboxFixture.open(postgres.url);
    const [broker = ""] = kafka.brokers;
    await createTopic(broker, TOPIC, PARTITIONS);
    await outbox.query(
      `INSERT INTO ${outbox.table} (event, scopes, data)
       SELECT 'bench.row-inserted', ARRAY['user:' || n % 1000], jsonb_build_object('n', n, 'text', repeat('x', ${DATA_BYTES}))
       FROM generate_series(1, ${ROWS}) AS n`,
    );
    const startMs = performance.now();
    await using gateway = await startTidegate({
      sources: { events: { kafka: { brokers: [broker], topic: TOPIC }, format: "tidegate" } },
      outbox: { url: postgres.url, table: outbox.table, channel: outbox.channel, source: "events" },
    });
    const samples: { readonly seconds: number; readonly rssMB: number; readonly waiting: number }[] = [];
    for (let waiting = ROWS; waiting > 0;) {
      if (performance.now() - startMs > TIMEOUT_MS) throw new Error(`Cannot relay ${ROWS} rows: ${waiting} still wait`);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      waiting = await outbox.waiting();
      samples.push({ seconds: (performance.now() - startMs) / 1_000, rssMB: memoryMB(gateway.pids()).rssMB, waiting });
    }
    const seconds = samples.at(-1)?.seconds ?? Number.NaN;
    const { peakMB } = memoryMB(gateway.pids());
    // The first half fills the journal to its limit, whatever it is filled from.
    const settled = samples.slice(Math.floor(samples.length / 2));
    const slope = leastSquaresSlope(settled.map(({ seconds, rssMB }) => ({ x: seconds / 60, y: rssMB })));
    options.say(`  ${seconds.toFixed(0)} s, peak ${peakMB.toFixed(0)} MB`);
    return {
      rows: [
        ownRow({ what: "rows a second", tidegate: formatFigure.perSecond(ROWS / seconds) }),
        ownRow({ what: "until none waits", tidegate: `${seconds.toFixed(0)} s` }),
        ownRow({ what: "peak memory of the gateway, its journal full", tidegate: formatFigure.megabytes(peakMB) }),
        ownRow({
          what: "memory over the second half",
          tidegate: `${slope.toFixed(1)} MB a minute`,
          target: `≤ ${MAX_SLOPE_MB} MB a minute`,
          isMet: slope <= MAX_SLOPE_MB,
        }),
      ],
      raw: samples,
    };
  },
};
