import { KAFKA_POM, mavenClasspath } from "../../support/maven_classpath.ts";
import type { TestTopic } from "./test_topic.ts";

/** Writes these lines by Kafka's own Java producer, whose batches are what other systems' look like. */
export async function produceByJava(topic: TestTopic, compression: string, lines: readonly string[]): Promise<void> {
  const settings = { "compression.type": compression, "max.request.size": "4194304", "batch.size": "131072" };
  const child = new Deno.Command("java", {
    args: [
      "-XX:TieredStopAtLevel=1",
      ...["-cp", await mavenClasspath(KAFKA_POM), "org.apache.kafka.tools.ConsoleProducer"],
      ...["--bootstrap-server", topic.brokers.join(","), "--topic", topic.name, "--compression-codec", compression],
      ...Object.entries(settings).flatMap(([name, value]) => ["--producer-property", `${name}=${value}`]),
      ...["--property", "parse.key=true", "--property", "key.separator=\t"],
    ],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const input = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  // A producer that fails closes its input; what it printed says more than that.
  const written = writer.write(input).then(() => writer.close()).catch(() => {});
  const { success, stderr } = await child.output();
  await written;
  if (!success) throw new Error(`Cannot produce by Java: ${new TextDecoder().decode(stderr)}`);
}
