import assert from "node:assert/strict";
import { openRedisBus } from "../../../src/bus/redis/open_redis_bus.ts";
import type { RedisBusOptions } from "../../../src/bus/redis/redis_bus_options.ts";
import { MARKER_GROUP } from "../../../src/bus/redis/stream_facts.ts";
import { BusError } from "../../../src/bus/event_bus.ts";
import { formatOffset, parseOffset } from "../../../src/model/position.ts";
import { numbered } from "../../contract/event_bus_harness.ts";
import { readAll, RecordedFollow, recordsOf, textsOf } from "../../contract/recorded_follow.ts";
import { sharedRedis } from "../../support/shared_servers.ts";
import { redisCommand } from "./redis_client.ts";

const { url } = await sharedRedis();
const run = (command: string, ...args: (string | number)[]) => redisCommand(url, command, ...args);

/** Streams of one test; deleted with it. */
class TestStreams implements AsyncDisposable {
  readonly keys: readonly string[];

  constructor(count = 1) {
    const name = crypto.randomUUID();
    this.keys = Array.from({ length: count }, (_, index) => `test:${name}:${index}`);
  }

  get key(): string {
    return this.keys[0] ?? "";
  }

  open(options: Partial<RedisBusOptions> = {}) {
    return openRedisBus({
      source: "tasks",
      url,
      streams: this.keys,
      blockTimeoutMs: 200,
      commandTimeoutMs: 3_000,
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("DEL", ...this.keys);
  }
}

Deno.test("openRedisBus: a plain XADD of flat fields is a record whose value is their JSON object", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open();
  await using follow = await RecordedFollow.start(bus);
  await run("XADD", streams.key, "*", "taskId", "t1", "progress", "40");
  await follow.untilRecords(1);
  assert.deepEqual(follow.texts(), [`{"taskId":"t1","progress":"40"}`]);
  await follow.close();
});

Deno.test("openRedisBus: maxLengthApprox trims what is published, and only then", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open({ maxLengthApprox: 500 });
  for (let round = 0; round < 10; round++) await bus.publish(numbered(`${round}.`, 500));
  const length = Number(await run("XLEN", streams.key));
  assert.ok(length >= 500 && length < 1_000, `${length} entries are left of 5,000`);
});

Deno.test("openRedisBus: a slow follow that XTRIM passes is told the exact number it lost", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open();
  await using follow = await RecordedFollow.start(bus);
  follow.hold();
  await bus.publish(numbered("seen", 1));
  await follow.untilRecords(1);
  await bus.publish(numbered("lost", 500));
  await bus.publish(numbered("left", 3));
  await run("XTRIM", streams.key, "MAXLEN", "=", 3);
  follow.release();
  await follow.until("the end", () => follow.texts().at(-1) === "left2");
  assert.deepEqual(follow.gaps().map(({ reason, lost }) => ({ reason, lost })), [{ reason: "trimmed", lost: 500 }]);
  await follow.close();
});

Deno.test("openRedisBus: a stream that others use as a queue, with XDEL behind the reader, has no gaps", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open({ blockTimeoutMs: 100 });
  await using follow = await RecordedFollow.start(bus);
  for (let index = 0; index < 20; index++) {
    const [position] = await bus.publish(numbered(`${index}.`, 1));
    await follow.untilRecords(index + 1);
    await run("XDEL", streams.key, formatOffset(position?.offset ?? 0n, "ms-seq"));
  }
  assert.deepEqual(follow.gaps(), []);
  assert.deepEqual(follow.texts(), Array.from({ length: 20 }, (_, index) => `${index}.0`));
  await follow.close();
});

Deno.test("openRedisBus: a stream trimmed to nothing is a gap up to its end, for a follow and a range", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open();
  const offsets = (await bus.publish(numbered("a", 5))).map(({ offset }) => offset);
  await run("XTRIM", streams.key, "MAXLEN", 0);
  const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
  assert.equal(first, next);
  const gap = { kind: "gap", partition: 0, from: offsets[1], next, reason: "trimmed", lost: null };
  await using follow = new RecordedFollow(bus, new Map([[0, offsets[1] ?? 0n]]));
  await follow.until("the gap", () => follow.gaps().length > 0);
  assert.deepEqual(follow.gaps(), [gap]);
  await follow.close();
  assert.deepEqual(await readAll(bus, 0, offsets[1] ?? 0n, next), [gap]);
  const fromZero = await readAll(bus, 0, 0n, next);
  assert.deepEqual(
    fromZero.map((event) => event.kind === "gap" ? event.lost : event),
    [5],
    "from the very first: exact",
  );
});

Deno.test("openRedisBus: after FLUSHALL or DEL of another stream than the first, the partition alone starts anew", async () => {
  await using streams = new TestStreams(2);
  await using bus = await streams.open();
  for (let key = 0; key < 20; key++) await bus.publish(numbered(`${key}.`, 1, `key ${key}`));
  await using follow = await RecordedFollow.start(bus);
  await follow.untilRecords(20);
  await run("DEL", streams.keys[1] ?? "");
  await follow.until("the gap", () => follow.gaps().length > 0);
  assert.deepEqual(follow.gaps().map(({ partition, reason, lost }) => [partition, reason, lost]), [[1, "epoch", null]]);
  for (let key = 0; key < 20; key++) await bus.publish(numbered(`new ${key}.`, 1, `key ${key}`));
  await follow.untilRecords(40);
  assert.equal(follow.gaps().length, 1);
  assert.ok(!follow.events.some(({ kind }) => kind === "epoch-changed"));
  await follow[Symbol.asyncDispose]();
});

Deno.test("openRedisBus: many nodes that open a new stream at once agree on its epoch", async () => {
  await using streams = new TestStreams();
  const buses = await Promise.all(Array.from({ length: 8 }, () => streams.open()));
  const epochs = new Set((await Promise.all(buses.map((bus) => bus.bounds()))).map(({ epoch }) => epoch));
  assert.equal(epochs.size, 1);
  await Promise.all(buses.map((bus) => bus[Symbol.asyncDispose]()));
});

Deno.test("openRedisBus: the epoch outlives every entry, and its group holds up no trimming", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open();
  const { epoch } = await bus.bounds();
  await bus.publish(numbered("a", 100));
  await run("XTRIM", streams.key, "MAXLEN", 0);
  assert.equal(await run("XLEN", streams.key), 0);
  assert.equal((await bus.bounds()).epoch, epoch);
  const last = parseOffset(epoch, "ms-seq") ?? 0n;
  assert.ok(last >= 2n ** 127n, "everything an entry can be is behind it");
  assert.match(String(await run("XINFO", "GROUPS", streams.key)), new RegExp(`${MARKER_GROUP}.*pending,0`));
});

Deno.test("openRedisBus: a node that may only read follows, reads and tells bounds, with and without the mark", async () => {
  await using streams = new TestStreams();
  const user = `reader-${crypto.randomUUID()}`;
  await run("ACL", "SETUSER", user, "on", ">secret", `~${streams.key}`, "+@read", "+@connection", "+@transaction");
  try {
    const readerUrl = Object.assign(new URL(url), { username: user, password: "secret" }).href;
    await run("XADD", streams.key, "*", "value", "before");
    await using reader = await streams.open({ url: readerUrl });
    await using follow = await RecordedFollow.start(reader);
    await follow.untilRecords(1);
    assert.equal((await reader.bounds()).epoch, "unmarked");
    await run("XADD", streams.key, "*", "value", "after");
    await follow.untilRecords(2);
    assert.deepEqual(follow.texts(), ["before", "after"]);
    await assert.rejects(reader.publish(numbered("no", 1)), (error) => {
      assert.ok(error instanceof BusError && !error.mayHaveBeenWritten);
      return /NOPERM/.test(error.message);
    });
    await follow.close();
    await using writer = await streams.open();
    const { epoch } = await writer.bounds();
    assert.equal((await reader.bounds()).epoch, epoch);
  } finally {
    await run("ACL", "DELUSER", user);
  }
});

Deno.test("openRedisBus: the rights that docs/operations.md names are enough for all it does", async () => {
  await using streams = new TestStreams();
  const document = await Deno.readTextFile(new URL("../../../docs/operations.md", import.meta.url));
  const [, rights = ""] = /ACL SETUSER tidegate on >password ~jobs (.*)/.exec(document) ?? [];
  const user = `gateway-${crypto.randomUUID()}`;
  await run("ACL", "SETUSER", user, "on", ">secret", `~${streams.key}`, ...rights.split(" "));
  try {
    await using bus = await streams.open({
      url: Object.assign(new URL(url), { username: user, password: "secret" }).href,
    });
    await using follow = await RecordedFollow.start(bus);
    await bus.publish(numbered("a", 3));
    await follow.untilRecords(3);
    const { epoch, partitions } = await bus.bounds(2);
    assert.notEqual(epoch, "unmarked");
    const { tail = -1n, next = -1n } = partitions.get(0) ?? {};
    assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, tail, next))), ["a1", "a2"]);
    await follow.close();
  } finally {
    await run("ACL", "DELUSER", user);
  }
});

Deno.test("openRedisBus: a wrong password ends the follow with a message that does not hold it", async () => {
  await using streams = new TestStreams();
  const secretUrl = Object.assign(new URL(url), { username: "nobody", password: "s3cr3t-word" }).href;
  await using bus = await streams.open({ url: secretUrl });
  const { signal } = new AbortController();
  const attempts = [
    () => bus.follow(new Map(), () => {}, signal),
    () => bus.publish(numbered("a", 1)),
    () => bus.bounds(),
  ];
  for (const attempt of attempts) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof BusError && !error.mayHaveBeenWritten);
      assert.match(error.message, /WRONGPASS/);
      assert.doesNotMatch(Deno.inspect(error, { depth: 10, showHidden: true }), /s3cr3t/);
      return true;
    });
  }
});

Deno.test("openRedisBus: a key that is no stream is refused, and nothing of a publish over several is written", async () => {
  await using streams = new TestStreams(2);
  await run("SET", streams.keys[1] ?? "", "a string");
  await using bus = await streams.open();
  await assert.rejects(bus.follow(new Map(), () => {}, new AbortController().signal), /WRONGTYPE/);
  await assert.rejects(bus.bounds(), /WRONGTYPE/);
  const records = Array.from({ length: 10 }, (_, key) => numbered("a", 1, `key ${key}`)).flat();
  await assert.rejects(bus.publish(records), (error) => {
    assert.ok(error instanceof BusError && !error.mayHaveBeenWritten);
    return error.message.includes(streams.keys[1] ?? "?");
  });
  assert.equal(await run("XLEN", streams.key), 0);
});

Deno.test("openRedisBus: a user who may only XADD publishes", async () => {
  await using streams = new TestStreams(2);
  const user = `writer-${crypto.randomUUID()}`;
  await run("ACL", "SETUSER", user, "on", ">secret", "~test:*", "+xadd", "+multi", "+exec", "+auth");
  try {
    await using bus = await streams.open({
      url: Object.assign(new URL(url), { username: user, password: "secret" }).href,
    });
    assert.equal((await bus.publish(numbered("a", 1))).length, 1);
    assert.equal((await bus.publish([...numbered("a", 2, "one"), ...numbered("b", 2, "two")])).length, 4);
  } finally {
    await run("ACL", "DELUSER", user);
  }
});

Deno.test("openRedisBus: explicit IDs of any size are followed, resumed and read", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open();
  const ids = ["0-1", "0-2", "5-18446744073709551615", "6-0", "1526919030474-55", "18446744073709551615-7"];
  for (const id of ids) await run("XADD", streams.key, id, "value", id);
  const { first = -1n, next = -1n } = (await bus.bounds()).partitions.get(0) ?? {};
  assert.deepEqual(textsOf(recordsOf(await readAll(bus, 0, first, next))), ids);
  for (const [index, id] of ids.entries()) {
    await using follow = new RecordedFollow(bus, new Map([[0, parseOffset(id, "ms-seq") ?? -1n]]));
    await follow.untilRecords(ids.length - index);
    assert.deepEqual(follow.texts(), ids.slice(index));
    await follow.close();
  }
});

Deno.test("openRedisBus refuses options that make no sense, and shows no password", async () => {
  for (const streams of [[], ["a", "a"]]) {
    await assert.rejects(openRedisBus({ source: "tasks", url, streams }), BusError);
  }
  for (
    const address of [
      "http://user:s3cr3t@host",
      "redis://user:s3cr3t@host?enableOfflineQueue=1",
      "redis://:s3cr3t@h/name",
      "s3cr3t",
    ]
  ) {
    await assert.rejects(openRedisBus({ source: "tasks", url: address, streams: ["a"] }), (error) => {
      return error instanceof BusError && !error.message.includes("s3cr3t");
    });
  }
});

Deno.test("openRedisBus: the database of the url is the one that is used", async () => {
  await using streams = new TestStreams();
  await using bus = await streams.open({ url: new URL("/5", url).href });
  await bus.publish(numbered("a", 1));
  assert.equal(await run("EXISTS", streams.key), 0);
  assert.equal(await redisCommand(new URL("/5", url).href, "DEL", streams.key), 1);
});
