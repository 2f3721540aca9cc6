/** A history in a real Redis, and everything that can happen to it: nothing of it may be taken for complete that is not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { RedisHistory, type RedisHistoryOptions } from "../../src/history/redis_history.ts";
import type { Offset } from "../../src/model/position.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { redisCommand } from "../bus/redis/redis_client.ts";
import { frameAt, messageTo } from "../replay/frames.ts";
import { startRedis } from "../support/redis_server.ts";
import { sharedRedis } from "../support/shared_servers.ts";

const shared = await sharedRedis();

/** One node's history of one source of one partition. */
class Node implements AsyncDisposable {
  readonly states: string[] = [];
  dropped = 0;
  written = 0;
  readonly history: RedisHistory;
  readonly source: ReturnType<RedisHistory["source"]>;

  constructor(url: string, options: Partial<RedisHistoryOptions> = {}, start = 0n) {
    this.history = new RedisHistory({
      url,
      prefix: "test",
      maxLength: 1_000_000,
      maxAgeMs: 3_600_000,
      maxSpoolBytes: 10_000_000,
      connectTimeoutMs: 500,
      commandTimeoutMs: 500,
      ...options,
    }, {
      stateChanged: (state) => this.states.push(state),
      written: (entries) => this.written += entries,
      dropped: () => this.dropped++,
    });
    this.source = this.history.source("tasks", 0, { rules: [] }, { epoch: "e", next: [start] });
  }

  get key(): string {
    return this.source.chain.keys[0] ?? "";
  }

  /** Takes in events, each of its own second: an entry each. */
  take(from: number, to: number): void {
    this.takeAt((offset) => offset * 1_000, from, to);
    this.source.chain.keepRuns(0);
  }

  takeAt(timestampOf: (offset: number) => number, from: number, to: number): void {
    for (let offset = from; offset < to; offset++) {
      this.source.chain.append(0, BigInt(offset), timestampOf(offset), [frameAt(0, BigInt(offset))]);
    }
  }

  async settled(): Promise<void> {
    await until("everything is written", () => this.history.spool.entryCount === 0);
  }

  async untilState(state: string): Promise<void> {
    await until(`the history is ${state}`, () => this.states.at(-1) === state);
  }

  /** Everything up to `to`: `[first..last]` for a stretch, `(from..next)` for a break. */
  async read(from: Offset, to: Offset): Promise<string> {
    const told: string[] = [];
    for (let at = from; at < to;) {
      const { frames, next, gap } = await this.source.stretches.read("e", 0, at, to);
      assert.ok(next > at && next <= to);
      if (gap !== undefined) told.push(`(${at}..${next})`);
      else {
        const offsets = frames.map(({ offset }) => Number(offset));
        assert.deepEqual(offsets, offsets.map((_, index) => (offsets[0] ?? 0) + index), "no record is missing inside");
        told.push(`[${offsets[0]}..${offsets.at(-1)}]`);
      }
      at = next;
    }
    return told.join(" ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.history[Symbol.asyncDispose]();
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!isSo()) {
    if (performance.now() > deadlineMs) assert.fail(`Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("redis history: what is kept comes back as it was, from the first offset on", async () => {
  await using node = new Node(shared.url, { prefix: crypto.randomUUID() });
  const message = messageTo("user:1", {
    event: "task.progress-updated",
    data: { text: "line\nline  ü", big: 1 },
    audience: [messageTo("novel:7").scope],
    priority: "low",
    conflationKey: "k",
  });
  const place = { seq: 5, sourceIndex: 0, partition: 0, offset: 0n };
  const frame = encodeFrame(message, "a cursor of the writer's own", place);
  node.source.chain.append(0, 0n, 0, [frame, frameAt(0, 0n)]);
  node.source.chain.keepRuns(0);
  await node.settled();
  const { frames, next } = await node.source.stretches.read("e", 0, 0n, 1n);
  assert.equal(next, 1n);
  const { bytes, bodyStart, ...rest } = frames[0] ?? assert.fail();
  const { bytes: expectedBytes, bodyStart: expectedStart, ...expected } = frame;
  assert.deepEqual(rest, { ...expected, seq: -1 });
  assert.deepEqual(bytes.subarray(bodyStart), new Uint8Array(expectedBytes.subarray(expectedStart)));
  assert.equal(frames.length, 2);
  const stored = JSON.stringify(await redisCommand(shared.url, "XRANGE", node.key, "-", "+"));
  assert.doesNotMatch(stored, /a cursor of the writer/);
});

Deno.test("redis history: two nodes write the same log, and each event is kept once", async () => {
  const prefix = crypto.randomUUID();
  await using one = new Node(shared.url, { prefix });
  await using other = new Node(shared.url, { prefix });
  // 50,000 a second: the 256 offsets of a run end it before its tenth of a second does.
  const timestampOf = (offset: number) => Math.floor(offset / 50);
  for (let from = 0; from < 2_000; from += 100) {
    one.takeAt(timestampOf, from, from + 100);
    if (from > 0) other.takeAt(timestampOf, from - 37, from + 63);
    else other.takeAt(timestampOf, 0, 63);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  other.takeAt(timestampOf, 1_963, 2_000);
  for (const node of [one, other]) node.source.chain.keepRuns(0);
  await Promise.all([one.settled(), other.settled()]);
  assert.equal(await redisCommand(shared.url, "XLEN", one.key), 8);
  const read = await one.read(0n, 2_000n);
  assert.ok(read.startsWith("[0..") && read.endsWith("..1999]") && !read.includes("("), read);
  assert.deepEqual([one.states, other.states, one.dropped, other.dropped], [["up"], ["up"], 0, 0]);
});

Deno.test("redis history: a log trimmed behind the cursor is a break up to its first entry", async () => {
  await using node = new Node(shared.url, { prefix: crypto.randomUUID() });
  node.take(0, 100);
  await node.settled();
  await redisCommand(shared.url, "XTRIM", node.key, "MAXLEN", 30);
  assert.equal(await node.read(10n, 100n), "(10..70) [70..99]");
});

Deno.test("redis history: a log keeps about maxLength entries, and Redis deletes it when nobody writes", async () => {
  await using node = new Node(shared.url, { prefix: crypto.randomUUID(), maxLength: 200, maxAgeMs: 120_000 });
  node.take(0, 2_000);
  await node.settled();
  const length = Number(await redisCommand(shared.url, "XLEN", node.key));
  assert.ok(length >= 200 && length < 400, `${length} entries`);
  const lifetimeMs = Number(await redisCommand(shared.url, "PTTL", node.key));
  assert.ok(lifetimeMs > 60_000 && lifetimeMs <= 120_000);
});

Deno.test("redis history: entries that were deleted one by one are breaks of exactly those", async () => {
  await using node = new Node(shared.url, { prefix: crypto.randomUUID() });
  node.take(0, 20);
  await node.settled();
  await redisCommand(shared.url, "XDEL", node.key, "0-1", "7-0", "8-0", "19-0");
  assert.equal(await node.read(0n, 20n), "(0..1) [1..6] (7..9) [9..18] (19..20)");
});

Deno.test("redis history: what somebody else wrote there is never a frame", async () => {
  await using node = new Node(shared.url, { prefix: crypto.randomUUID() });
  node.take(0, 1);
  await node.settled();
  await redisCommand(shared.url, "DEL", node.key);
  const good = "event: task.done\ndata: {}\n\n";
  const event: readonly unknown[] = ["user:1", "normal", [], null];
  const heads = (block: string, head = event, place = 0) => JSON.stringify([[place, block.length, ...head]]);
  const entry = (from: string, block: string, h = heads(block)) => ["f", from, "t", "1", "h", h, "b", block];
  const strange: readonly (readonly string[])[] = [
    entry("0", `id: evil\n${good}`),
    entry("1", `${good}event: stream.closing\ndata: {}\n\n`),
    entry("2", "event: task.done\ndata: {}\nretry: 1\n\n"),
    entry("3", good, heads(good, ["*"])),
    entry("4", "event: stream.opened\ndata: {}\n\n"),
    entry("5", good, heads(good, ["user:1", "urgent", [], null])),
    entry("6", good, "not JSON"),
    entry("9", good),
    entry("-1", good),
    ["value", "1"],
    entry("10", good).slice(0, -2),
    entry("11", good, heads(good, event, 1)),
    entry("12", good, heads(good, event, -1)),
    entry("13", good, heads(`${good} `)),
    entry("14", `${good}${good}`, heads(good)),
    entry("15", good, "{}"),
    [...entry("16", good), "x", "y"],
    entry("17", good, heads(good, ["user:1", "normal", ["*"], null])),
    entry("18", good, heads(good, ["user:1", "normal", [], 1])),
    entry("19", good, heads(good, ["user:1", "normal", [], null, null])),
  ];
  for (const [offset, fields] of strange.entries()) {
    await redisCommand(shared.url, "XADD", node.key, offset === 0 ? "0-1" : `${offset}-0`, ...fields);
  }
  const end = strange.length;
  node.take(0, end + 2);
  await node.settled();
  const breaks = strange.map((_, offset) => `(${offset}..${offset + 1})`).join(" ");
  assert.equal(await node.read(0n, BigInt(end + 2)), `${breaks} [${end}..${end + 1}]`);
});

Deno.test("redis history: behind an entry that no gateway wrote a new log is begun", async () => {
  const prefix = crypto.randomUUID();
  await using one = new Node(shared.url, { prefix });
  one.take(0, 3);
  await one.settled();
  await redisCommand(shared.url, "XADD", one.key, "9000000000000000000-0", "value", "1");
  await using other = new Node(shared.url, { prefix }, 3n);
  await until("it has looked", () => other.states.length > 0);
  other.take(3, 5);
  await other.settled();
  assert.equal(await other.read(0n, 5n), "(0..3) [3..4]");
});

Deno.test("redis history: after FLUSHALL what was there is a break, and what comes is kept", async () => {
  await using redis = await startRedis();
  await using node = new Node(redis.url);
  node.take(0, 10);
  await node.settled();
  await redisCommand(redis.url, "FLUSHALL");
  assert.equal(await node.read(0n, 10n), "(0..10)");
  node.take(10, 15);
  await node.settled();
  assert.equal(await node.read(5n, 15n), "(5..10) [10..14]");
});

Deno.test("redis history: a restart without persistence is told, survived, and a break", async () => {
  await using redis = await startRedis();
  await using node = new Node(redis.url);
  node.take(0, 10);
  await node.settled();
  await redis.kill();
  node.take(10, 20);
  await node.untilState("down");
  await assert.rejects(node.read(0n, 10n), { name: "StoreFailure" });
  await redis.restart();
  await node.untilState("up");
  await node.settled();
  assert.equal(await node.read(0n, 20n), "(0..10) [10..19]");
  assert.deepEqual(node.states, ["up", "down", "up"]);
});

Deno.test("redis history: a restart from a file that lost its tail is a break where the tail was", async () => {
  await using redis = await startRedis({ isDurable: true });
  await using node = new Node(redis.url);
  node.take(0, 10);
  await node.settled();
  const folder = String((await redisCommand(redis.url, "CONFIG", "GET", "dir") as string[])[1]);
  const file = await incrementalFile(folder);
  const { size } = await Deno.stat(file);
  node.take(10, 14);
  await node.settled();
  node.take(14, 20);
  await node.settled();
  await redis.kill();
  await Deno.truncate(file, size);
  await redis.restart();
  node.take(20, 25);
  await node.settled();
  assert.equal(await node.read(0n, 25n), "[0..9] (10..20) [20..24]");
});

Deno.test("redis history: a replica is read, and written again when it is a master", async () => {
  await using master = await startRedis();
  await using redis = await startRedis();
  await using node = new Node(redis.url);
  node.take(0, 5);
  await node.settled();
  await redisCommand(redis.url, "CONFIG", "SET", "replica-serve-stale-data", "yes");
  await redisCommand(redis.url, "REPLICAOF", "127.0.0.1", master.port);
  node.take(5, 8);
  await node.untilState("read-only");
  assert.equal(node.history.spool.entryCount, 3);
  await node.source.stretches.read("e", 0, 0n, 5n);
  await redisCommand(redis.url, "REPLICAOF", "NO", "ONE");
  await node.untilState("up");
  await node.settled();
  // What it had may be gone with the role; what it got since is whole.
  assert.match(await node.read(0n, 8n), /^(?:\(0\.\.5\) \[5\.\.7\]|\[0\.\.7\])$/);
});

Deno.test("redis history: a hung server (SIGSTOP) costs one time-out, then reads go past it at once, and nothing is lost", async () => {
  await using redis = await startRedis();
  await using node = new Node(redis.url);
  node.take(0, 5);
  await node.settled();
  redis.pause();
  const startedAtMs = performance.now();
  const crowd = Array.from({ length: 100 }, () => assert.rejects(node.read(0n, 5n), { name: "StoreFailure" }));
  await Promise.all(crowd);
  assert.ok(performance.now() - startedAtMs < 3_000, "bounded by the time limit of one command");
  const againAtMs = performance.now();
  await assert.rejects(node.read(0n, 5n), { name: "StoreFailure" });
  assert.ok(performance.now() - againAtMs < 100, "nobody waits for a server that is known to hang");
  node.take(5, 10);
  redis.resume();
  await node.untilState("up");
  await node.settled();
  assert.equal(await node.read(0n, 10n), "[0..9]");
});

Deno.test("redis history: while Redis is away the spool holds what it can, and what it cannot is a break that is found", async () => {
  await using redis = await startRedis();
  await using node = new Node(redis.url, { maxSpoolBytes: 128 * 1024 });
  node.take(0, 100);
  await node.settled();
  await redis.stop();
  node.take(100, 101);
  await node.untilState("down");
  node.take(101, 5_000);
  assert.ok(node.history.spool.byteCount <= 128 * 1024);
  assert.equal(node.history.spool.entryCount + node.dropped, 4_900);
  assert.ok(node.dropped > 4_000);
  await redis.restart();
  node.take(5_000, 5_010);
  await node.settled();
  const first = Number(/\((\d+)\.\.(\d+)\) \[\2\.\.5009\]$/.exec(await node.read(0n, 5_010n))?.[2]);
  assert.ok(first > 4_100, `complete from ${first}`);
});

Deno.test("redis history: a full Redis that evicts nothing refuses, is told, and is still read", async () => {
  await using redis = await startRedis({ settings: [["maxmemory-policy", "noeviction"]] });
  await using node = new Node(redis.url);
  node.take(0, 10);
  await node.settled();
  await redisCommand(redis.url, "CONFIG", "SET", "maxmemory", "1mb");
  node.take(10, 20);
  await node.untilState("refused");
  assert.equal((await node.source.stretches.read("e", 0, 0n, 10n)).next, 10n);
  await redisCommand(redis.url, "CONFIG", "SET", "maxmemory", "0");
  await node.settled();
  assert.equal(await node.read(0n, 20n), "[0..19]");
});

Deno.test("redis history: keys that Redis evicts are breaks", async () => {
  await using redis = await startRedis();
  await using node = new Node(redis.url);
  node.take(0, 10);
  await node.settled();
  await redisCommand(redis.url, "DEL", node.key);
  node.take(10, 11);
  await node.settled();
  assert.equal(await node.read(3n, 11n), "(3..10) [10..10]");
});

Deno.test("redis history: a user with the documented rights, and no others, can do everything", async () => {
  await using redis = await startRedis();
  const documented = /ACL SETUSER history (.*)/.exec(await Deno.readTextFile("docs/operations.md"))?.[1];
  assert.ok(documented !== undefined);
  await redisCommand(redis.url, "ACL", "SETUSER", "history", ...documented.split(" "));
  const url = redis.url.replace("redis://", "redis://history:password@");
  await using node = new Node(url, { prefix: "tidegate" });
  node.take(0, 10);
  await node.settled();
  assert.equal(await node.read(0n, 10n), "[0..9]");
  node.source.chain.skip(0, 5n);
  node.take(5, 6);
  await node.settled();
  assert.equal(await node.read(0n, 6n), "(0..5) [5..5]");
  await node.history.trim(Date.now() + 1_000);
  assert.equal(await redisCommand(redis.url, "XLEN", node.key), 0);
  assert.deepEqual(node.states, ["up"]);
});

Deno.test("redis history: what is too old is trimmed by the time it was taken in, and the rest stays whole", async () => {
  await using node = new Node(shared.url, { prefix: crypto.randomUUID() });
  node.take(0, 500);
  await node.settled();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const beforeMs = Date.now();
  node.take(500, 700);
  await node.settled();
  await node.history.trim(beforeMs);
  assert.equal(await redisCommand(shared.url, "XLEN", node.key), 200);
  assert.equal(await node.read(490n, 700n), "(490..500) [500..699]");
});

Deno.test("redis history: a user who may not write is told with the reason, and live delivery hears nothing of it", async () => {
  await using redis = await startRedis();
  await redisCommand(redis.url, "ACL", "SETUSER", "reader", "on", ">password", "~*", "-@all", "+xrange", "+ping");
  await using node = new Node(redis.url.replace("redis://", "redis://reader:password@"), { maxSpoolBytes: 10_000 });
  node.take(0, 1_000);
  await node.untilState("refused");
  assert.ok(node.dropped > 900);
});

async function incrementalFile(folder: string): Promise<string> {
  const directory = join(folder, "appendonlydir");
  for await (const { name } of Deno.readDir(directory)) if (name.endsWith(".incr.aof")) return join(directory, name);
  throw new Error(`Cannot find the append-only file in ${directory}`);
}
