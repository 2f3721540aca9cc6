import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { CompressionCodecs } from "kafkajs";
import { KafkaBus } from "../../../src/bus/kafka/kafka_bus.ts";
import { type Compression, COMPRESSIONS, decompress } from "../../../src/bus/kafka/compression_codecs.ts";
import { readAll, recordsOf, textsOf } from "../../contract/recorded_follow.ts";
import { sharedKafka } from "../../support/shared_servers.ts";
import { produceByJava } from "./java_producer.ts";
import { TestTopic } from "./test_topic.ts";

const { brokers } = await sharedKafka();
const MEBIBYTE = 1024 * 1024;
const CODECS: readonly Compression[] = ["gzip", "snappy", "lz4", "zstd"];

/** Compressible text with a part that is not, so that matches and literals of all lengths occur. */
function textOf(length: number, seed: number): string {
  let state = seed;
  let text = "";
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += state % 3 === 0 ? "chapter ".repeat(state % 40) : state.toString(36);
  }
  return text.slice(0, length);
}

for (const codec of CODECS) {
  Deno.test(`decompress: ${codec} batches of the Java producer, many small records and one of 1 MiB, come back exactly`, async () => {
    await using topic = await TestTopic.create(brokers, 1);
    const values = Array.from({ length: 3_000 }, (_, index) => textOf(1 + (index % 300), index));
    values.push(textOf(MEBIBYTE, 7));
    await produceByJava(topic, codec, values.map((value, index) => `k${index % 10}\t${value}`));
    await using bus = new KafkaBus({ source: "kafka", brokers, topic: topic.name });
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    const records = recordsOf(await readAll(bus, 0, first, next));
    assert.equal(records.length, values.length);
    assert.ok(textsOf(records).every((text, index) => text === values[index]), "every value as it was");
    assert.deepEqual(records.slice(0, 3).map(({ key }) => new TextDecoder().decode(key ?? undefined)), [
      "k0",
      "k1",
      "k2",
    ]);
  });

  Deno.test(`KafkaBus.publish: batches compressed by ${codec} are taken by the broker and come back exactly`, async () => {
    await using topic = await TestTopic.create(brokers, 1);
    await using bus = new KafkaBus({ source: "kafka", brokers, topic: topic.name, compression: codec });
    const values = [textOf(500_000, 3), ...Array.from({ length: 200 }, (_, index) => textOf(index, index))];
    const positions = await bus.publish(values.map((value) => ({ key: null, value: new TextEncoder().encode(value) })));
    assert.equal(positions.at(-1)?.offset, BigInt(values.length - 1));
    assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, 0n, BigInt(values.length)))), values);
  });

  Deno.test(`decompress: damaged ${codec} data end in an error or in at most the limit, never in a hang`, async () => {
    const whole = await compress(codec, textOf(2_000, 5));
    const damage = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(damage, { maxLength: 5 }), fc.nat(whole.length), (changes, length) => {
        const damaged = whole.slice(0, length);
        for (const [at, byte] of changes) if (at < length) damaged[at] = byte;
        try {
          assert.ok(decompress(COMPRESSIONS[codec], damaged, 1_000).length <= 1_000);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
      { numRuns: 1_000 },
    );
    assert.throws(() => decompress(COMPRESSIONS[codec], whole, 1_999));
    assert.equal(decompress(COMPRESSIONS[codec], whole, 2_000).length, 2_000);
  });
}

/** As kafkajs' producer compresses. */
async function compress(codec: Compression, text: string): Promise<Uint8Array> {
  const type = COMPRESSIONS[codec];
  assert.ok(type !== COMPRESSIONS.none);
  const compressed: Uint8Array = await CompressionCodecs[type]().compress({ buffer: Buffer.from(text) });
  return new Uint8Array(compressed);
}
