/** What docs/operations.md says a node must be allowed, tried under a broker's own authorizer. */
import assert from "node:assert/strict";
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from "kafkajs";
import { KafkaBus } from "../../../src/bus/kafka/kafka_bus.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "../../contract/recorded_follow.ts";
import { codeBlocks } from "../../docs/code_block.ts";
import { shellCommands } from "../../docs/shell_commands.ts";
import { type KafkaServer, startKafka } from "../../support/kafka_server.ts";
import { TcpProxy } from "../../support/tcp_proxy.ts";
import { TestTopic } from "./test_topic.ts";

const PARTITIONS = 3;
/**
 * As docs/operations.md tells them apart. The broker calls a producer that may write nowhere unauthorized for the cluster;
 * kafkajs calls a transaction's coordinator that may not be asked for not found.
 */
const REFUSED = /access to the topic is denied|Cluster authorization failed|Failed to find group coordinator/;
const SETTINGS = {
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  // Whoever comes by the first listener, which asks for no name: the broker itself, and this test's administrator.
  "super.users": "User:ANONYMOUS",
  "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:SASL_PLAINTEXT",
  "sasl.enabled.mechanisms": "PLAIN",
  "listener.name.proxied.plain.sasl.jaas.config":
    `org.apache.kafka.common.security.plain.PlainLoginModule required user_tidegate="secret";`,
};

Deno.test("KafkaBus reads and publishes with the documented rights, and with none less", async () => {
  await using proxy = new TcpProxy();
  await using server = await startKafka({ advertisedPort: proxy.port, settings: SETTINGS });
  proxy.connectTo(server.behindPort);
  await using topic = await TestTopic.create(server.brokers, PARTITIONS);
  await using administrator = await administratorOf(server);
  const allow = (right: DocumentedRight) => administrator.allow(right, topic.name);
  const [read, write, transactions, ...more] = await documentedRights();
  assert(read !== undefined && write !== undefined && transactions !== undefined && more.length === 0);

  await using stranger = busOf(proxy, topic.name);
  await assert.rejects(stranger.bounds(), REFUSED);

  await allow(read);
  await using bus = busOf(proxy, topic.name);
  await topic.produce(0, [{ value: "a" }]);
  await untilAllowed(() => bus.bounds());
  await using follow = await RecordedFollow.start(bus);
  await follow.untilRecords(1);
  assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, 0n, 1n))), ["a"]);
  await assert.rejects(bus.publish(numbered("b", 1)), REFUSED);

  await allow(write);
  await untilAllowed(() => bus.publish(numbered("c", 1)));
  const spread = ["k1", "k2", "k3", "k4", "k5"].map((key) => ({
    key: new TextEncoder().encode(key),
    value: new Uint8Array(1),
  }));
  // Over several partitions it is a transaction.
  await assert.rejects(bus.publish(spread), REFUSED);

  await allow(transactions);
  const positions = await untilAllowed(() => bus.publish(spread));
  assert(new Set(positions.map(({ partition }) => partition)).size > 1);
  await follow.untilRecords(2 + spread.length);
  await follow.close();
});

/** A right is given when the controller has it; the broker learns of it a moment later. */
async function untilAllowed<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!REFUSED.test(String(error)) || performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

interface DocumentedRight {
  readonly operation: string;
  readonly topic: string | undefined;
  readonly transactionalId: string | undefined;
  readonly isPrefix: boolean;
}

/** Of the `kafka-acls.sh` commands of the document, in order. */
async function documentedRights(): Promise<DocumentedRight[]> {
  const path = "docs/operations.md";
  const text = await Deno.readTextFile(new URL(`../../../${path}`, import.meta.url));
  const commands = codeBlocks({ path, text }).flatMap((block) =>
    block.language === "sh" ? shellCommands(block.text) : []
  );
  return commands.filter(([program]) => program === "kafka-acls.sh").map((words) => {
    const after = (flag: string) => words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined;
    assert.equal(after("--allow-principal"), "User:tidegate");
    return {
      operation: after("--operation") ?? "",
      topic: after("--topic"),
      transactionalId: after("--transactional-id"),
      isPrefix: after("--resource-pattern-type") === "prefixed",
    };
  });
}

async function administratorOf({ brokers }: KafkaServer) {
  const admin: Admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  return {
    /** Gives the right, on this topic in the place of the document's. */
    allow: async ({ operation, topic, transactionalId, isPrefix }: DocumentedRight, name: string) => {
      const operations: Record<string, AclOperationTypes> = {
        Read: AclOperationTypes.READ,
        Write: AclOperationTypes.WRITE,
      };
      await admin.createAcls({
        acl: [{
          resourceType: topic === undefined ? AclResourceTypes.TRANSACTIONAL_ID : AclResourceTypes.TOPIC,
          resourceName: topic === undefined ? transactionalId ?? "" : name,
          resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
          principal: "User:tidegate",
          host: "*",
          operation: operations[operation] ?? AclOperationTypes.UNKNOWN,
          permissionType: AclPermissionTypes.ALLOW,
        }],
      });
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

function busOf(proxy: TcpProxy, topic: string): KafkaBus {
  return new KafkaBus({
    source: "kafka",
    brokers: [`127.0.0.1:${proxy.port}`],
    topic,
    sasl: { mechanism: "plain", username: "tidegate", password: "secret" },
    limits: { metadataIntervalMs: 200, retryMaxMs: 300, requestTimeoutMs: 3_000, connectTimeoutMs: 3_000 },
  });
}
