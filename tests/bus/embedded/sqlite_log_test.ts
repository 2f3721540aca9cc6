import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { join } from "node:path";
import { EmbeddedBus } from "../../../src/bus/embedded/embedded_bus.ts";
import { FILE_RETENTION, openEmbeddedBus } from "../../../src/bus/embedded/open_embedded_bus.ts";
import { openSqliteFile, type SqliteFile } from "../../../src/bus/embedded/sqlite_file.ts";
import { SqliteLog } from "../../../src/bus/embedded/sqlite_log.ts";
import { BusError } from "../../../src/bus/event_bus.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "../../contract/recorded_follow.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const MEBIBYTE = 1024 * 1024;

Deno.test("a log in a file keeps epoch, offsets, keys, values and headers over a restart", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "made", "with it", "log.db");
  const headers = new Map([["one", new Uint8Array([1])], ["two", new Uint8Array(0)]]);
  let epoch: string;
  {
    await using bus = await openEmbeddedBus({ source: "demo", path, partitions: 2 });
    ({ epoch } = await bus.bounds());
    await bus.publish(numbered("a", 10, "key"));
    await bus.publish([{ key: new Uint8Array([9]), value: new Uint8Array([8, 0, 255]), headers }]);
    assert.equal(bus.durability, "disk");
  }
  await using bus = await openEmbeddedBus({ source: "demo", path });
  const bounds = await bus.bounds();
  assert.equal(bounds.epoch, epoch);
  assert.equal(bounds.partitions.size, 2);
  const records = [];
  for (const [partition, { first, next }] of bounds.partitions) {
    records.push(...recordsOf(await readAll(bus, partition, first, next)));
  }
  assert.equal(records.length, 11);
  const odd = records.find(({ key }) => key?.[0] === 9);
  assert.deepEqual(odd?.value, new Uint8Array([8, 0, 255]));
  assert.deepEqual(odd?.headers, headers);
});

Deno.test("a log in a file whose records were all trimmed goes on with the next offset after a restart", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "log.db");
  {
    await using bus = await openEmbeddedBus({ source: "demo", path });
    await bus.publish(numbered("a", 5));
  }
  const clock = FakeTimers.install({ toFake: ["Date"], now: Date.now() + 60_000 });
  try {
    await using bus = await openEmbeddedBus({ source: "demo", path, retention: { maxAgeMs: 50_000 } });
    const { first, next } = (await bus.bounds()).partitions.get(0) ?? {};
    assert.deepEqual([first, next], [5n, 5n]);
  } finally {
    clock.uninstall();
  }
  await using bus = await openEmbeddedBus({ source: "demo", path });
  assert.deepEqual(await bus.publish(numbered("b", 1)), [{ partition: 0, offset: 5n }]);
});

Deno.test("publishes that arrive while one is on its way to the disk share one transaction and one sync", async () => {
  await using folder = await TemporaryFolder.make();
  const file = openSqliteFile(join(folder.path, "log.db"), 1);
  let syncs = 0;
  const bus = busOn({ ...file, sync: () => (syncs++, file.sync()) });
  const first = bus.publish(numbered("first", 1));
  await Promise.resolve();
  await Promise.resolve();
  const others = Array.from({ length: 200 }, (_, index) => bus.publish(numbered(`${index}.`, 1)));
  const positions = (await Promise.all([first, ...others])).flat();
  assert.deepEqual(positions.map(({ offset }) => offset), Array.from({ length: 201 }, (_, index) => BigInt(index)));
  assert.ok(syncs <= 3, `${syncs} syncs for 201 publishes`);
  await bus[Symbol.asyncDispose]();
});

Deno.test("a record is acknowledged, followed and read only when it is safe on the disk", async () => {
  await using folder = await TemporaryFolder.make();
  const file = openSqliteFile(join(folder.path, "log.db"), 1);
  const disk = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const sync = () => (asked.resolve(), disk.promise);
  const bus = busOn({ ...file, sync });
  await using follow = await RecordedFollow.start(bus);
  let isAcknowledged = false;
  const publish = bus.publish(numbered("a", 1)).then(() => isAcknowledged = true);
  await asked.promise;
  assert.equal((await bus.bounds()).partitions.get(0)?.next, 0n);
  assert.deepEqual([isAcknowledged, follow.records().length], [false, 0]);
  disk.resolve();
  await publish;
  await follow.untilRecords(1);
  await follow.close();
  await bus[Symbol.asyncDispose]();
});

Deno.test("after a failed sync the log takes no more records, says why, and stays readable", async () => {
  await using folder = await TemporaryFolder.make();
  const file = openSqliteFile(join(folder.path, "log.db"), 1);
  let isBroken = false;
  const bus = busOn({ ...file, sync: () => isBroken ? Promise.reject(new Error("EIO")) : file.sync() });
  await bus.publish(numbered("good", 3));
  isBroken = true;
  await assert.rejects(
    bus.publish(numbered("bad", 1)),
    (error) => error instanceof BusError && error.mayHaveBeenWritten,
  );
  isBroken = false;
  await assert.rejects(bus.publish(numbered("bad", 1)), (error) => {
    assert.ok(error instanceof BusError && !error.mayHaveBeenWritten);
    return /EIO.*restart/.test(error.message);
  });
  assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, 0n, 3n))), ["good0", "good1", "good2"]);
  await bus[Symbol.asyncDispose]();
});

Deno.test("a full disk refuses publishes whole, keeps the log readable, and takes them again when there is room", async () => {
  await using folder = await TemporaryFolder.make();
  const file = openSqliteFile(join(folder.path, "log.db"), 1);
  const bus = busOn(file);
  await bus.publish(numbered("before", 3));
  file.database.exec("PRAGMA max_page_count = 40");
  const small = bus.publish(numbered("small", 1));
  const large = [...numbered("part", 2), { key: null, value: new Uint8Array(MEBIBYTE) }];
  await assert.rejects(bus.publish(large), (error) => {
    assert.ok(error instanceof BusError && !error.mayHaveBeenWritten);
    return /full/.test(error.message);
  });
  await small;
  assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, 0n, 4n))), ["before0", "before1", "before2", "small0"]);
  file.database.exec("PRAGMA max_page_count = 100000");
  assert.deepEqual((await bus.publish(large)).map(({ offset }) => offset), [4n, 5n, 6n]);
  await bus[Symbol.asyncDispose]();
});

Deno.test("publishes that would wait beyond the limit for a hung disk are refused clearly, and only those", async () => {
  await using folder = await TemporaryFolder.make();
  const file = openSqliteFile(join(folder.path, "log.db"), 1);
  const disk = Promise.withResolvers<void>();
  const bus = busOn({ ...file, sync: () => disk.promise });
  const value = new Uint8Array(20 * MEBIBYTE);
  const accepted = [1, 2, 3].map(() => bus.publish([{ key: null, value }]));
  await assert.rejects(bus.publish([{ key: null, value }]), /3 records of 62914560 bytes wait for it already/);
  disk.resolve();
  assert.equal((await Promise.all(accepted)).length, 3);
  await bus.publish([{ key: null, value }]);
  await bus[Symbol.asyncDispose]();
});

Deno.test("retention in a file takes the oldest by count and by bytes, and gives the pages to new records", async () => {
  await using folder = await TemporaryFolder.make();
  const path = join(folder.path, "log.db");
  await using bus = await openEmbeddedBus({ source: "demo", path, retention: { maxBytes: MEBIBYTE, maxRecords: 500 } });
  for (let round = 0; round < 40; round++) {
    await bus.publish(Array.from({ length: 50 }, () => ({ key: null, value: new Uint8Array(10_000) })));
  }
  const { first = 0n, next = 0n } = (await bus.bounds()).partitions.get(0) ?? {};
  assert.equal(next, 2_000n);
  assert.equal(next - first, BigInt(Math.floor(MEBIBYTE / 10_200)));
  const { size } = await Deno.stat(path);
  assert.ok(size < 4 * MEBIBYTE, `${size} bytes for 1 MiB of records`);
  await bus.publish(numbered("small", 1_000));
  const later = (await bus.bounds()).partitions.get(0);
  assert.equal((later?.next ?? 0n) - (later?.first ?? 0n), 500n);
});

function busOn(file: SqliteFile): EmbeddedBus {
  return new EmbeddedBus("demo", new SqliteLog(file, FILE_RETENTION));
}
