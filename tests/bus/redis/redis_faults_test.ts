/** What happens to a bus when its server, or the way to it, fails: on servers of each test's own. */
import assert from "node:assert/strict";
import { openRedisBus } from "../../../src/bus/redis/open_redis_bus.ts";
import type { RedisBusOptions } from "../../../src/bus/redis/redis_bus_options.ts";
import { BusError } from "../../../src/bus/event_bus.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "../../contract/recorded_follow.ts";
import { startRedis } from "../../support/redis_server.ts";
import { redisCommand } from "./redis_client.ts";
import { TcpProxy } from "../../support/tcp_proxy.ts";

function open(url: string, options: Partial<RedisBusOptions> = {}) {
  return openRedisBus({
    source: "tasks",
    url,
    streams: ["tasks"],
    blockTimeoutMs: 200,
    commandTimeoutMs: 500,
    connectTimeoutMs: 1_000,
    ...options,
  });
}

Deno.test("redis bus: after a restart without the data a live follow announces the new epoch", async () => {
  await using redis = await startRedis();
  await using bus = await open(redis.url);
  await using follow = await RecordedFollow.start(bus);
  await bus.publish(numbered("old", 5));
  await follow.untilRecords(5);
  const { epoch } = await bus.bounds();
  await redis.kill();
  await redis.restart();
  await follow.until("the new epoch", () => follow.events.some(({ kind }) => kind === "epoch-changed"));
  assert.notEqual((await bus.bounds()).epoch, epoch);
  await bus.publish(numbered("new", 2));
  await follow.untilRecords(7);
  assert.deepEqual(follow.texts().slice(5), ["new0", "new1"]);
  assert.deepEqual(follow.states(), ["up", "down", "up"]);
  await follow.close();
});

Deno.test("redis bus: FLUSHALL, then a producer that goes on at once, is a new epoch before its first record", async () => {
  await using redis = await startRedis();
  await using bus = await open(redis.url, { blockTimeoutMs: 5_000 });
  await using follow = await RecordedFollow.start(bus);
  await bus.publish(numbered("old", 3));
  await follow.untilRecords(3);
  await redisCommand(redis.url, "FLUSHALL");
  await bus.publish(numbered("new", 3));
  await follow.untilRecords(6);
  assert.deepEqual(
    follow.events.map((event) => event.kind === "records" ? textsOf(event.records) : event.kind),
    ["state", ["old0", "old1", "old2"], "epoch-changed", ["new0", "new1", "new2"]],
  );
  await follow.close();
});

Deno.test("redis bus: a log restored to an older state is the gap ahead, and then what comes", async () => {
  await using redis = await startRedis({ isDurable: true });
  await using bus = await open(redis.url);
  await using follow = await RecordedFollow.start(bus);
  await bus.publish(numbered("kept", 3));
  await redisCommand(redis.url, "SAVE");
  const snapshot = await snapshotOf(redis.url);
  await bus.publish(numbered("forgotten", 4));
  await follow.untilRecords(7);
  const { next: end = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
  await redis.stop();
  await snapshot.restore();
  await redis.restart();
  await follow.until("the gap", () => follow.gaps().length > 0);
  const { epoch, partitions } = await bus.bounds();
  const { next = -1n } = partitions.get(0) ?? {};
  assert.ok(next < end);
  assert.deepEqual(follow.gaps(), [{ kind: "gap", partition: 0, from: end, next, reason: "ahead", lost: null }]);
  await bus.publish(numbered("later", 2));
  await follow.untilRecords(9);
  assert.deepEqual(follow.texts().slice(7), ["later0", "later1"]);
  assert.equal((await bus.bounds()).epoch, epoch);
  await follow[Symbol.asyncDispose]();
});

Deno.test("redis bus: a publish whose answer is lost says that it may have been written, and is not repeated", async () => {
  await using redis = await startRedis();
  await using proxy = new TcpProxy(redis.port);
  await using bus = await open(`redis://127.0.0.1:${proxy.port}`);
  await bus.publish(numbered("before", 1));
  proxy.losesAnswers = true;
  for (const count of [1, 3]) {
    await assert.rejects(bus.publish(numbered(`lost ${count}.`, count)), (error) => {
      assert.ok(error instanceof BusError);
      // The second publish finds the way closed already when it connects: nothing was sent.
      return count === 1 ? error.mayHaveBeenWritten : true;
    });
  }
  proxy.losesAnswers = false;
  await bus.publish(numbered("after", 1));
  const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
  const texts = textsOf(recordsOf(await readAll(bus, 0, first, next)));
  assert.equal(new Set(texts).size, texts.length, "nothing twice");
  assert.equal(texts.filter((text) => text === "lost 1.0").length, 1, "Redis took it: only the answer was lost");
  assert.deepEqual([texts[0], texts.at(-1)], ["before0", "after0"]);
});

Deno.test("redis bus: a hung server (SIGSTOP) is down in bounded time, and the log is whole when it goes on", async () => {
  await using redis = await startRedis();
  await using bus = await open(redis.url);
  await using follow = await RecordedFollow.start(bus);
  await bus.publish(numbered("before", 2));
  await follow.untilRecords(2);
  redis.pause();
  const began = performance.now();
  await assert.rejects(
    bus.publish(numbered("hung", 1)),
    (error) => error instanceof BusError && error.mayHaveBeenWritten,
  );
  await assert.rejects(bus.bounds(), BusError);
  assert.ok(performance.now() - began < 5_000);
  await follow.until("down", () => follow.states().at(-1) === "down");
  redis.resume();
  await follow.until("up", () => follow.states().at(-1) === "up");
  await bus.publish(numbered("after", 2));
  await follow.until("the end", () => follow.texts().at(-1) === "after1");
  const texts = follow.texts();
  assert.equal(new Set(texts).size, texts.length, "nothing twice");
  assert.deepEqual(texts.filter((text) => text !== "hung0"), ["before0", "before1", "after0", "after1"]);
  assert.deepEqual(follow.states(), ["up", "down", "up"]);
  assert.deepEqual(follow.gaps(), []);
  await follow.close();
});

Deno.test("redis bus: a server that is away at the start is told down once, then up, then all is read", async () => {
  await using redis = await startRedis({ isDurable: true });
  await using bus = await open(redis.url);
  await bus.publish(numbered("before", 3));
  await redis.stop();
  await using follow = new RecordedFollow(bus);
  await follow.until("down", () => follow.states().length > 0);
  await assert.rejects(
    bus.publish(numbered("no", 1)),
    (error) => error instanceof BusError && !error.mayHaveBeenWritten,
  );
  await redis.restart();
  await follow.untilRecords(3);
  assert.deepEqual(follow.states(), ["down", "up"]);
  await follow.close();
});

Deno.test("redis bus: abort and dispose end at once while the server is away or hangs", async () => {
  await using redis = await startRedis();
  const bus = await open(redis.url, { connectTimeoutMs: 30_000, commandTimeoutMs: 30_000, blockTimeoutMs: 30_000 });
  const follow = await RecordedFollow.start(bus);
  redis.pause();
  const asked = bus.bounds().catch((error) => error);
  const published = bus.publish(numbered("a", 1)).catch((error) => error);
  const began = performance.now();
  await follow.close();
  await bus[Symbol.asyncDispose]();
  for (const error of await Promise.all([asked, published])) assert.ok(error instanceof BusError);
  assert.ok(performance.now() - began < 2_000);
  redis.resume();
});

Deno.test("redis bus: after a failover publishing is refused unwritten, then goes on; the follow misses nothing", async () => {
  await using one = await startRedis({ isDurable: true });
  await using other = await startRedis({ isDurable: true });
  await using bus = await open(one.url);
  await using follow = await RecordedFollow.start(bus);
  await bus.publish(numbered("before", 3));
  await follow.untilRecords(3);
  const { epoch } = await bus.bounds();
  await redisCommand(other.url, "REPLICAOF", "127.0.0.1", one.port);
  await untilLinked(other.url);
  // The roles swap: our server becomes the replica of what was its own.
  await redisCommand(other.url, "REPLICAOF", "NO", "ONE");
  await redisCommand(one.url, "REPLICAOF", "127.0.0.1", other.port);
  await assert.rejects(bus.publish(numbered("refused", 1)), (error) => {
    assert.ok(error instanceof BusError && !error.mayHaveBeenWritten);
    return /READONLY/.test(error.message);
  });
  await untilLinked(one.url);
  await using promoted = await open(other.url);
  assert.equal((await promoted.bounds()).epoch, epoch, "the mark is part of the data");
  await promoted.publish(numbered("after", 3));
  await follow.untilRecords(6);
  assert.deepEqual(follow.texts(), ["before0", "before1", "before2", "after0", "after1", "after2"]);
  assert.deepEqual(follow.gaps(), []);
  await follow.close();
});

Deno.test("redis bus: no password where one is needed ends follow, bounds and publish, and says so", async () => {
  await using redis = await startRedis();
  await using bus = await open(redis.url);
  await redisCommand(redis.url, "CONFIG", "SET", "requirepass", "secret");
  await assert.rejects(bus.follow(new Map(), () => {}, new AbortController().signal), /NOAUTH/);
  await assert.rejects(bus.bounds(), /NOAUTH/);
  await assert.rejects(bus.publish(numbered("a", 2)), (error) => {
    assert.ok(error instanceof BusError && !error.mayHaveBeenWritten);
    return /NOAUTH/.test(error.message);
  });
});

Deno.test("redis bus: entries that suddenly become large do not come by the gigabyte", async () => {
  await using redis = await startRedis();
  await using bus = await open(redis.url, { commandTimeoutMs: 10_000 });
  await bus.publish(numbered("small", 2_000));
  const value = new Uint8Array(512 * 1024);
  for (let index = 0; index < 200; index++) await bus.publish([{ key: null, value }]);
  await using follow = await RecordedFollow.start(bus);
  await follow.untilRecords(2_200);
  const largest = Math.max(...follow.events.map((event) => {
    return event.kind === "records" ? event.records.reduce((sum, record) => sum + (record.value?.length ?? 0), 0) : 0;
  }));
  const { first = -1n, next = -1n } = (await bus.bounds(150)).partitions.get(0) ?? {};
  assert.equal(recordsOf(await readAll(bus, 0, first, next)).length, 2_200);
  assert.ok(largest <= 110 * 1024 * 1024, `${largest} bytes in one event`);
  await follow.close();
});

async function untilLinked(url: string): Promise<void> {
  while (!String(await redisCommand(url, "INFO", "replication")).includes("master_link_status:up"));
}

/** The data folder as it is, to be put back while the server is stopped. */
async function snapshotOf(url: string): Promise<{ restore(): Promise<void> }> {
  const folder = String([await redisCommand(url, "CONFIG", "GET", "dir")].flat()[1]);
  const copy = await Deno.makeTempDir();
  await new Deno.Command("cp", { args: ["-a", `${folder}/.`, copy] }).output();
  return {
    restore: async () => {
      await Deno.remove(`${folder}/appendonlydir`, { recursive: true });
      await new Deno.Command("cp", { args: ["-a", `${copy}/.`, folder] }).output();
      await Deno.remove(copy, { recursive: true });
    },
  };
}
