import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BusError } from "../../src/bus/event_bus.ts";
import { type EventBusHarness, isPossible, numbered } from "./event_bus_harness.ts";
import { RecordedFollow } from "./recorded_follow.ts";

const PUBLISHED_UNDER_PRESSURE = 6_000;
const VALUE_BYTES = 16 * 1024;
/** A fetched batch or two of every layer below, and what the collector leaves: far less than the 96 MiB published. */
const MAX_GROWTH_BYTES = 40 * 1024 * 1024;

/** Slow sinks, several nodes, ends and outages. */
export function describeOperation<Log extends AsyncDisposable>(name: string, harness: EventBusHarness<Log>): void {
  Deno.test(`${name}: a sink that does not return stops the fetch, memory stays flat, then everything arrives`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await using follow = await RecordedFollow.start(bus);
    follow.hold();
    await bus.publish(numbered("first", 1));
    await follow.untilRecords(1);
    const eventsBefore = follow.events.length;
    const bytesBefore = usedBytes();
    const value = new Uint8Array(VALUE_BYTES);
    for (let sent = 0; sent < PUBLISHED_UNDER_PRESSURE; sent += 50) {
      await bus.publish(Array.from({ length: 50 }, () => ({ key: null, value })));
    }
    const growthBytes = usedBytes() - bytesBefore;
    const ownBytes = harness.keepsRecordsInProcess ? PUBLISHED_UNDER_PRESSURE * (VALUE_BYTES + 1_024) : 0;
    assert.ok(growthBytes < MAX_GROWTH_BYTES + ownBytes, `grew by ${growthBytes} bytes`);
    assert.equal(follow.events.length, eventsBefore, "the sink is called once at a time");
    follow.release();
    await follow.untilRecords(PUBLISHED_UNDER_PRESSURE + 1);
    assert.deepEqual(follow.gaps(), []);
    await follow.close();
    assert.equal(follow.records().length, PUBLISHED_UNDER_PRESSURE + 1);
  });

  Deno.test(`${name}: two follows of one bus, one of them held, both see everything`, async () => {
    await using log = await harness.createLog({ partitions: 2, ownServer: false });
    await using bus = await harness.openBus(log);
    await using held = await RecordedFollow.start(bus);
    await using free = await RecordedFollow.start(bus);
    held.hold();
    for (let key = 0; key < 20; key++) await bus.publish(numbered(`${key}.`, 1, `key ${key}`));
    await free.untilRecords(20);
    held.release();
    await held.untilRecords(20);
    for (const partition of [0, 1]) assert.deepEqual(held.texts(partition), free.texts(partition));
    await Promise.all([held.close(), free.close()]);
  });

  Deno.test(`${name}: follow resolves on abort only after its last sink call, and calls it no more`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("a", 3));
    const abort = new AbortController();
    const hold = Promise.withResolvers<void>();
    const called = Promise.withResolvers<void>();
    let isInside = false;
    const follow = bus.follow(new Map(), async ({ kind }) => {
      if (kind !== "records") return;
      assert.equal(isInside, false);
      isInside = true;
      called.resolve();
      await hold.promise;
      isInside = false;
    }, abort.signal);
    await called.promise;
    abort.abort();
    await bus.publish(numbered("b", 3));
    assert.ok(isInside);
    hold.resolve();
    await follow;
    assert.equal(isInside, false);
    await bus.follow(new Map(), () => assert.fail("aborted before it began"), AbortSignal.abort());
  });

  Deno.test(`${name}: follow rejects with what its sink throws`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    await using bus = await harness.openBus(log);
    await bus.publish(numbered("a", 1));
    const broken = new Error("the sink broke");
    const follow = bus.follow(new Map(), ({ kind }) => {
      if (kind === "records") throw broken;
    }, new AbortController().signal);
    await assert.rejects(follow, (error) => error === broken);
  });

  Deno.test(`${name}: disposing of the bus ends its follows, also one in its sink`, async () => {
    await using log = await harness.createLog({ partitions: 1, ownServer: false });
    const bus = await harness.openBus(log);
    const idle = await RecordedFollow.start(bus);
    const busy = await RecordedFollow.start(bus);
    busy.hold();
    await bus.publish(numbered("a", 1));
    await busy.untilRecords(1);
    const disposed = bus[Symbol.asyncDispose]();
    busy.release();
    await Promise.all([disposed, idle.ended(), busy.ended()]);
  });

  if (isPossible(harness.openSecondBus)) {
    const openSecondBus = harness.openSecondBus;
    Deno.test(`${name}: two nodes see the same epoch and each sees everything, whoever published`, async () => {
      await using log = await harness.createLog({ partitions: 2, ownServer: false });
      await using one = await harness.openBus(log);
      await using other = await openSecondBus(log);
      assert.equal((await one.bounds()).epoch, (await other.bounds()).epoch);
      await using followOne = await RecordedFollow.start(one);
      await using followOther = await RecordedFollow.start(other);
      for (let key = 0; key < 10; key++) {
        await one.publish(numbered(`one ${key}.`, 2, `key ${key}`));
        await other.publish(numbered(`other ${key}.`, 2, `key ${key}`));
      }
      await Promise.all([followOne.untilRecords(40), followOther.untilRecords(40)]);
      for (const partition of [0, 1]) assert.deepEqual(followOne.texts(partition), followOther.texts(partition));
      await Promise.all([followOne.close(), followOther.close()]);
    });
  }

  if (isPossible(harness.addPartitions)) {
    const addPartitions = harness.addPartitions;
    Deno.test(`${name}: partitions added while following are announced and followed from their first record`, async () => {
      await using log = await harness.createLog({ partitions: 1, ownServer: false });
      await using bus = await harness.openBus(log);
      await using follow = await RecordedFollow.start(bus);
      await addPartitions(log, 3);
      await follow.until("the new partitions", () => {
        const added = follow.events.filter((event) => event.kind === "partitions-added");
        return added.reduce((sum, { partitions }) => sum + partitions.size, 0) === 2;
      });
      for (let key = 0; key < 30; key++) await bus.publish(numbered(`${key}.`, 1, `key ${key}`));
      await follow.untilRecords(30);
      for (const partition of [0, 1, 2]) assert.ok(follow.records(partition).length > 0, `partition ${partition}`);
      await follow.close();
    });
  }

  if (isPossible(harness.server)) describeOutages(name, harness, harness.server);
}

function describeOutages<Log extends AsyncDisposable>(
  name: string,
  harness: EventBusHarness<Log>,
  server: Exclude<EventBusHarness<Log>["server"], { impossible: string }>,
): void {
  for (const end of ["stop", "kill"] as const) {
    Deno.test(`${name}: after a ${end} and a start of the server nothing is lost, nothing comes twice`, async () => {
      await using log = await harness.createLog({ partitions: 1, ownServer: true });
      await using bus = await harness.openBus(log);
      await using follow = await RecordedFollow.start(bus);
      await bus.publish(numbered("before", 5));
      await follow.untilRecords(5);
      const { epoch } = await bus.bounds();
      await server[end](log);
      await follow.until("down", () => follow.states().at(-1) === "down");
      await assert.rejects(bus.publish(numbered("refused", 1)), BusError);
      await assert.rejects(bus.bounds(), BusError);
      await server.start(log);
      await follow.until("up", () => follow.states().at(-1) === "up");
      assert.equal((await bus.bounds()).epoch, epoch);
      await bus.publish(numbered("after", 5));
      await follow.until("the last record", () => follow.texts().at(-1) === "after4");
      // A refused publish may have been written when its answer was lost; nothing else may be between.
      const texts = follow.texts().filter((text) => text !== "refused0");
      assert.deepEqual(texts, [..."01234"].map((n) => `before${n}`).concat([..."01234"].map((n) => `after${n}`)));
      assert.deepEqual(follow.states(), ["up", "down", "up"]);
      assert.deepEqual(follow.gaps(), []);
      await follow.close();
    });
  }
}

/** After a collection, where the runtime lets a program ask for one. */
function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("globalThis.gc?.()");
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
