import { join } from "node:path";
import { freePort } from "./free_port.ts";
import { KAFKA_POM, mavenClasspath } from "./maven_classpath.ts";
import { startOnFreePort } from "./start_on_free_port.ts";
import type { TestServer } from "./server_process.ts";

export interface KafkaServer extends TestServer {
  /** For `bootstrap.servers`; one broker. */
  readonly brokers: readonly string[];
  /** The port of the listener that `advertisedPort` stands for; 0 without one. */
  readonly behindPort: number;
}

export interface KafkaServerOptions {
  /** More lines of server.properties; the last one of a name wins. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The port of a proxy: a second listener tells its clients to come there. */
  readonly advertisedPort?: number;
}

/** Any 16 bytes in base64url: each broker here is a cluster by itself. */
const CLUSTER_ID = "dGlkZWdhdGUtdGVzdC0wMQ";

/** C1 only: a broker that lives for a minute does not earn back what the second compiler costs on two cores. */
const JAVA_FLAGS = [
  "-Xms128m",
  "-Xmx512m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-Dorg.apache.logging.log4j.level=WARN",
];

/** An Apache Kafka of one's own: one node, KRaft, broker and controller in one process. About 4 s to the first answer. */
export async function startKafka(options: KafkaServerOptions = {}): Promise<KafkaServer> {
  const java = ["java", ...JAVA_FLAGS, "-cp", await mavenClasspath(KAFKA_POM)];
  let behindPort = 0;
  const server = await startOnFreePort(async (port, folder) => {
    const properties = join(folder, "server.properties");
    const base = baseSettings(port, freePort(), join(folder, "data"));
    behindPort = options.advertisedPort === undefined ? 0 : freePort();
    const lines = { ...base, ...secondListener(base, behindPort, options.advertisedPort), ...options.settings };
    await Deno.writeTextFile(properties, Object.entries(lines).map(([name, value]) => `${name}=${value}\n`).join(""));
    await run([...java, "kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", properties]);
    return {
      name: "Kafka",
      port,
      folder,
      command: [...java, "kafka.Kafka", properties],
      isReady: () => listsABroker(port),
      startTimeoutMs: 60_000,
    };
  });
  return Object.assign(server, { brokers: [`127.0.0.1:${server.port}`], behindPort });
}

function secondListener(
  base: Readonly<Record<string, string>>,
  port: number,
  advertisedPort: number | undefined,
): Record<string, string> {
  if (advertisedPort === undefined) return {};
  const lines = {
    "listeners": `PROXIED://127.0.0.1:${port}`,
    "advertised.listeners": `PROXIED://127.0.0.1:${advertisedPort}`,
    "listener.security.protocol.map": "PROXIED:PLAINTEXT",
  };
  return Object.fromEntries(Object.entries(lines).map(([name, value]) => [name, `${base[name]},${value}`]));
}

/** Where they differ from Kafka's own defaults: one node instead of three, and the periodic chores often enough to be seen in a test. */
function baseSettings(port: number, controllerPort: number, dataFolder: string): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "listeners": `BROKER://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `BROKER://127.0.0.1:${port}`,
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": dataFolder,
    "auto.create.topics.enable": "false",
    // A killed broker may register again only when its old session has ended (by default after 9 s).
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "200",
    "message.max.bytes": String(2 * 1024 * 1024),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "log.initial.task.delay.ms": "500",
    "log.retention.check.interval.ms": "500",
    "log.segment.delete.delay.ms": "100",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": String(4 * 1024 * 1024),
    "log.cleaner.backoff.ms": "250",
    "log.cleaner.min.cleanable.ratio": "0.01",
  };
}

async function run(command: readonly string[]): Promise<void> {
  const [program = "", ...args] = command;
  const { success, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot format Kafka's data folder: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Asks for the cluster's metadata (API key 3, version 1). A broker that has a socket but is still fenced answers with an
 * empty list of brokers, and no client could create a topic on it.
 */
async function listsABroker(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = new DataView(new ArrayBuffer(18));
  request.setInt32(0, 14); // bytes that follow
  request.setInt16(4, 3); // Metadata
  request.setInt16(6, 1); // version
  request.setInt32(8, 1); // correlation id
  request.setInt16(12, -1); // no client id
  request.setInt32(14, 0); // of no topic
  await connection.write(new Uint8Array(request.buffer));
  const reply = new Uint8Array(12); // size, correlation id, number of brokers
  let read = 0;
  while (read < reply.length) {
    const count = await connection.read(reply.subarray(read));
    if (count === null) return false;
    read += count;
  }
  return new DataView(reply.buffer).getInt32(8) > 0;
}
