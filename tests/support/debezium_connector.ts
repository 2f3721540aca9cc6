import { join } from "node:path";
import { PostgresSession } from "../../src/outbox/postgres_session.ts";
import { mavenClasspath } from "./maven_classpath.ts";
import { startOnFreePort } from "./start_on_free_port.ts";
import type { TestServer } from "./server_process.ts";

const POM = new URL("../debezium/pom.xml", import.meta.url);
const NAME = "outbox";

/** Where the connector reads and writes. */
export interface DebeziumOptions {
  readonly brokers: readonly string[];
  /** Of a PostgreSQL with `wal_level: logical`. */
  readonly postgresUrl: string;
  /** The outbox table, with its schema. */
  readonly table: string;
  /** Where the events go, whatever their aggregate's type. */
  readonly topic: string;
}

/** Debezium's PostgreSQL connector with its outbox event router, in a standalone Kafka Connect. It reads what is inserted from now on. */
export async function startDebezium(options: DebeziumOptions): Promise<TestServer> {
  const classpath = await mavenClasspath(POM);
  return await startOnFreePort(async (port, folder) => {
    const worker = join(folder, "worker.properties");
    const connector = join(folder, "connector.properties");
    await Deno.writeTextFile(worker, lines(workerSettings(options, port, folder)));
    await Deno.writeTextFile(connector, lines(connectorSettings(options)));
    return {
      name: "Debezium",
      port,
      folder,
      command: [
        "java",
        "-Xmx512m",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        classpath,
        "org.apache.kafka.connect.cli.ConnectStandalone",
        worker,
        connector,
      ],
      isReady: () => isStreaming(port, options),
      startTimeoutMs: 120_000,
    };
  });
}

function workerSettings({ brokers }: DebeziumOptions, port: number, folder: string): Record<string, string> {
  return {
    "bootstrap.servers": brokers.join(","),
    "listeners": `HTTP://127.0.0.1:${port}`,
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
    "offset.storage.file.filename": join(folder, "offsets"),
    "offset.flush.interval.ms": "1000",
    "plugin.discovery": "ONLY_SCAN",
  };
}

/** As Debezium's documents set the outbox event router up, and ours: the type in a header. */
function connectorSettings({ postgresUrl, table, topic }: DebeziumOptions): Record<string, string> {
  const { hostname, port, username, pathname } = new URL(postgresUrl);
  const slot = slotOf(table);
  return {
    "name": NAME,
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "plugin.name": "pgoutput",
    "database.hostname": hostname,
    "database.port": port,
    "database.user": username,
    "database.password": "unused",
    "database.dbname": pathname.slice(1),
    "topic.prefix": "app",
    "table.include.list": table,
    "publication.autocreate.mode": "filtered",
    "publication.name": slot,
    "slot.name": slot,
    "snapshot.mode": "no_data",
    "transforms": "outbox",
    "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
    "transforms.outbox.route.topic.replacement": topic,
    "transforms.outbox.table.expand.json.payload": "true",
    "transforms.outbox.table.fields.additional.placement": "type:header:eventType",
  };
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join("");
}

/** Connect says RUNNING before the connector reads: what is inserted in between would not come. */
async function isStreaming(port: number, { postgresUrl, table }: DebeziumOptions): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/connectors/${NAME}/status`);
  const { tasks = [] } = await response.json();
  if (tasks[0]?.state === "FAILED") throw new Error(`Cannot start Debezium: ${tasks[0].trace}`);
  if (tasks[0]?.state !== "RUNNING") return false;
  await using session = await PostgresSession.open({
    url: postgresUrl,
    connectTimeoutMs: 5_000,
    queryTimeoutMs: 5_000,
  });
  const [slot] = await session.query("SELECT active FROM pg_replication_slots WHERE slot_name = $1", [slotOf(table)]);
  return slot?.["active"] === true;
}

/** The replication slot's name, and the publication's: of a table's name, what PostgreSQL lets them have. */
function slotOf(table: string): string {
  return table.replaceAll(/\W/g, "_");
}
