import assert from "node:assert/strict";
import { BusError, type PublishRecord } from "../../src/bus/event_bus.ts";
import { type EventBusHarness, numbered } from "./event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf } from "./recorded_follow.ts";

const MEBIBYTE = 1024 * 1024;
const MAX_CLOCK_DIFFERENCE_MS = 5_000;

/** What a publish promises, and that bytes come back as they went. */
export function describePublishing<Log extends AsyncDisposable>(name: string, harness: EventBusHarness<Log>): void {
  Deno.test(`${name}: publish resolves with the position of each record, in the order given`, async () => {
    await using log = await harness.createLog({ partitions: 3, ownServer: false });
    await using bus = await harness.openBus(log);
    const records = Array.from({ length: 20 }, (_, index) => numbered(`${index}.`, 1, `key ${index % 7}`)).flat();
    const positions = await bus.publish(records);
    assert.equal(positions.length, records.length);
    for (const [index, { partition, offset }] of positions.entries()) {
      const [record] = recordsOf(await readAll(bus, partition, offset, offset + 1n));
      assert.deepEqual(record?.value, records[index]?.value);
      assert.equal(partition, positions[index % 7]?.partition, "a key stays in its partition");
    }
    assert.deepEqual(await bus.publish([]), []);
  });

  Deno.test(`${name}: keys, values and headers of any bytes come back as they were`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const nothing = new Uint8Array(0);
    const header = new Map([["trace", allBytes], ["empty", nothing], ["naïve name", new Uint8Array([0xff, 0])]]);
    const records: PublishRecord[] = [
      { key: null, value: nothing },
      { key: nothing, value: allBytes },
      { key: allBytes, value: new Uint8Array([0x0d, 0x0a, 0x00]), headers: header },
      { key: null, value: new TextEncoder().encode("{}"), headers: new Map() },
    ];
    const sentAtMs = Date.now();
    await bus.publish(records);
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    const read = recordsOf(await readAll(bus, 0, first, next));
    assert.deepEqual(
      read.map(({ key, value, headers }) => [bytes(key), bytes(value), headersOf(headers)]),
      records.map(({ key, value, headers }) => [bytes(key), bytes(value), headersOf(headers)]),
    );
    for (const { timestampMs } of read) assert.ok(Math.abs(timestampMs - sentAtMs) < MAX_CLOCK_DIFFERENCE_MS);
  });

  Deno.test(`${name}: a publisher may use its buffer again as soon as publish has resolved`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    const buffer = new TextEncoder().encode("before");
    const [position] = await bus.publish([{ key: buffer, value: buffer }]);
    buffer.fill(0);
    const offset = position?.offset ?? -1n;
    const [record] = recordsOf(await readAll(bus, 0, offset, offset + 1n));
    assert.deepEqual(record?.value, new TextEncoder().encode("before"));
    assert.deepEqual(record?.key, new TextEncoder().encode("before"));
  });

  Deno.test(`${name}: records of 1 MiB pass, published, followed and read`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await using follow = await RecordedFollow.start(bus);
    const values = [incompressible(MEBIBYTE), incompressible(MEBIBYTE), incompressible(MEBIBYTE)];
    for (const value of values) await bus.publish([{ key: null, value }]);
    await follow.untilRecords(3);
    const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
    const read = recordsOf(await readAll(bus, 0, first, next));
    for (const [index, value] of values.entries()) {
      assert.ok(sameBytes(follow.records()[index]?.value, value), `followed record ${index}`);
      assert.ok(sameBytes(read[index]?.value, value), `read record ${index}`);
    }
    await follow.close();
  });

  Deno.test(`${name}: many publishes at once keep the order of each key`, async () => {
    await using log = await harness.createLog({ partitions: 3, ownServer: false });
    await using bus = await harness.openBus(log);
    await using follow = await RecordedFollow.start(bus);
    const publishes = [];
    for (let round = 0; round < 40; round++) {
      const records = ["a", "b", "c", "d", "e"].flatMap((key) => numbered(`${round}.`, 2, key));
      publishes.push(bus.publish(records));
    }
    await Promise.all(publishes);
    await follow.untilRecords(400);
    const orderOfKey = Map.groupBy(follow.records(), ({ key }) => new TextDecoder().decode(key ?? undefined));
    const expected = Array.from({ length: 40 }, (_, round) => [`${round}.0`, `${round}.1`]).flat();
    assert.equal(orderOfKey.size, 5);
    for (const records of orderOfKey.values()) {
      assert.deepEqual(records.map(({ value }) => new TextDecoder().decode(value ?? undefined)), expected);
    }
    await follow.close();
  });

  Deno.test(`${name}: publish, bounds and readRange reject with a BusError after the bus is disposed of`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    const bus = await harness.openBus(log);
    await bus.publish(numbered("a", 1));
    await bus[Symbol.asyncDispose]();
    await bus[Symbol.asyncDispose]();
    await assert.rejects(
      bus.publish(numbered("b", 1)),
      (error) => error instanceof BusError && !error.mayHaveBeenWritten,
    );
    await assert.rejects(bus.bounds(), BusError);
    await assert.rejects(readAll(bus, 0, 0n, 1n), BusError);
  });
}

function bytes(value: Uint8Array | null): number[] | null {
  return value === null ? null : [...value];
}

function headersOf(headers: ReadonlyMap<string, Uint8Array> = new Map()): [string, number[]][] {
  return [...headers].map(([name, value]): [string, number[]] => [name, [...value]])
    .sort(([one], [other]) => one < other ? -1 : 1);
}

function incompressible(length: number): Uint8Array {
  const value = new Uint8Array(length);
  for (let begin = 0; begin < length; begin += 65_536) crypto.getRandomValues(value.subarray(begin, begin + 65_536));
  return value;
}

/** `deepEqual` of a MiB takes seconds. */
function sameBytes(one: Uint8Array | null | undefined, other: Uint8Array): boolean {
  return one?.length === other.length && one.every((byte, index) => byte === other[index]);
}
