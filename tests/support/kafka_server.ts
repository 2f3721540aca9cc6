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
  /** The port of a controller that other brokers have too (`startKafkaController`). Default: it is its own controller. */
  readonly controllerPort?: number;
  /** Different for each broker of a controller. Default 1. */
  readonly nodeId?: number;
}

/** Any 16 bytes in base64url; all clusters here may have the same: none knows of another. */
const CLUSTER_ID = "dGlkZWdhdGUtdGVzdC0wMQ";

/** No broker's node ID. */
const CONTROLLER_ID = "100";

/** C1 only: a broker that lives for a minute does not earn back what the second compiler costs on two cores. */
const JAVA_FLAGS = [
  "-Xms128m",
  "-Xmx512m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-Dorg.apache.logging.log4j.level=WARN",
];

/** An Apache Kafka of one's own: one broker, KRaft, by default its own controller. About 4 s to the first answer. */
export async function startKafka(options: KafkaServerOptions = {}): Promise<KafkaServer> {
  const { nodeId = 1, controllerPort, advertisedPort } = options;
  let behindPort = 0;
  const server = await startOnFreePort(async (port, folder) => {
    const node = controllerPort === undefined
      ? { ...ownController(port, freePort()), ...COMMON_SETTINGS }
      : { ...brokerOnly(port, nodeId, controllerPort), ...COMMON_SETTINGS };
    behindPort = advertisedPort === undefined ? 0 : freePort();
    const settings = { ...node, ...secondListener(node, behindPort, advertisedPort), ...options.settings };
    return { ...await javaProcess(folder, settings), port, isReady: () => isRegistered(port) };
  });
  return Object.assign(server, { brokers: [`127.0.0.1:${server.port}`], behindPort });
}

/** A controller for several brokers, which holds no records: brokers can be killed while it goes on. */
export function startKafkaController(settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  return startOnFreePort(async (port, folder) => ({
    ...await javaProcess(folder, { ...controllerOnly(port), ...COMMON_SETTINGS, ...settings }),
    port,
    isReady: async () => {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return true;
    },
  }));
}

async function javaProcess(folder: string, settings: Readonly<Record<string, string>>) {
  const java = ["java", ...JAVA_FLAGS, "-cp", await mavenClasspath(KAFKA_POM)];
  const properties = join(folder, "server.properties");
  const lines = Object.entries({ ...settings, "log.dirs": join(folder, "data") });
  await Deno.writeTextFile(properties, lines.map(([name, value]) => `${name}=${value}\n`).join(""));
  await run([...java, "kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID, "--config", properties]);
  return { name: "Kafka", folder, command: [...java, "kafka.Kafka", properties], startTimeoutMs: 60_000 };
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

function ownController(port: number, controllerPort: number): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "listeners": `BROKER://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    ...brokerListener(port),
  };
}

function brokerOnly(port: number, nodeId: number, controllerPort: number): Record<string, string> {
  return {
    "process.roles": "broker",
    "node.id": String(nodeId),
    "controller.quorum.voters": `${CONTROLLER_ID}@127.0.0.1:${controllerPort}`,
    "listeners": `BROKER://127.0.0.1:${port}`,
    ...brokerListener(port),
  };
}

function controllerOnly(port: number): Record<string, string> {
  return {
    "process.roles": "controller",
    "node.id": CONTROLLER_ID,
    "controller.quorum.voters": `${CONTROLLER_ID}@127.0.0.1:${port}`,
    "listeners": `CONTROLLER://127.0.0.1:${port}`,
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT",
    // Who led before leads again a second after it has everything.
    "leader.imbalance.check.interval.seconds": "1",
    "leader.imbalance.per.broker.percentage": "0",
  };
}

function brokerListener(port: number): Record<string, string> {
  return {
    "advertised.listeners": `BROKER://127.0.0.1:${port}`,
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
  };
}

/** Where they differ from Kafka's own defaults: one node instead of three, and the periodic chores often enough to be seen in a test. */
const COMMON_SETTINGS: Readonly<Record<string, string>> = {
  "controller.listener.names": "CONTROLLER",
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

async function run(command: readonly string[]): Promise<void> {
  const [program = "", ...args] = command;
  const { success, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot format Kafka's data folder: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Asks for the cluster's metadata (API key 3, version 1). A broker that has a socket but is still fenced is not in the
 * list of brokers, and no client could create a topic on it.
 */
async function isRegistered(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = new DataView(new ArrayBuffer(18));
  request.setInt32(0, 14); // bytes that follow
  request.setInt16(4, 3); // Metadata
  request.setInt16(6, 1); // version
  request.setInt32(8, 1); // correlation id
  request.setInt16(12, -1); // no client id
  request.setInt32(14, 0); // of no topic
  await connection.write(new Uint8Array(request.buffer));
  const size = await read(connection, 4);
  const reply = await read(connection, size.getInt32(0));
  let position = 8; // behind the correlation id and the number of brokers
  for (let left = reply.getInt32(4); left > 0; left--) {
    position += 4; // node ID
    position += 2 + reply.getInt16(position); // host
    if (reply.getInt32(position) === port) return true;
    position += 4;
    position += 2 + Math.max(0, reply.getInt16(position)); // rack
  }
  return false;
}

async function read(connection: Deno.Conn, byteCount: number): Promise<DataView> {
  const bytes = new Uint8Array(byteCount);
  for (let length = 0; length < byteCount;) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) throw new Error("Cannot read Kafka's metadata: the connection has ended");
    length += count;
  }
  return new DataView(bytes.buffer);
}
