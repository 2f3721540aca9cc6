import { Buffer } from "node:buffer";
import { Redis } from "ioredis";
import { openRedisBus } from "../../src/bus/redis/open_redis_bus.ts";
import { offsetOfReply } from "../../src/bus/redis/stream_entry.ts";
import { formatOffset } from "../../src/model/position.ts";
import { type RedisServer, startRedis } from "../support/redis_server.ts";
import { sharedRedis } from "../support/shared_servers.ts";
import { describeEventBusContract } from "./event_bus_contract.ts";

const shared = await sharedRedis();

/** Streams under names of their own, on the shared server or one of their own. */
class RedisLogUnderTest implements AsyncDisposable {
  readonly url: string;
  readonly server: RedisServer | undefined;
  readonly streams: readonly string[];

  constructor(partitions: number, server: RedisServer | undefined) {
    const name = crypto.randomUUID();
    this.streams = Array.from({ length: partitions }, (_, partition) => `contract:${name}:${partition}`);
    this.server = server;
    this.url = server?.url ?? shared.url;
  }

  async run(command: string, ...args: (string | number | Uint8Array)[]): Promise<unknown> {
    const redis = new Redis(this.url, { lazyConnect: true, retryStrategy: null });
    const ended = new Promise((resolve) => redis.once("end", resolve));
    try {
      await redis.connect();
      return await redis.call(command, ...args.map((arg) => arg instanceof Uint8Array ? Buffer.from(arg) : arg));
    } finally {
      redis.disconnect();
      await ended;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.server !== undefined) return await this.server[Symbol.asyncDispose]();
    await this.run("DEL", ...this.streams);
  }
}

const open = (log: RedisLogUnderTest) =>
  openRedisBus({ source: "tasks", url: log.url, streams: log.streams, blockTimeoutMs: 300, commandTimeoutMs: 3_000 });

describeEventBusContract<RedisLogUnderTest>("redis bus", {
  createLog: async ({ partitions, ownServer }) =>
    new RedisLogUnderTest(partitions, ownServer ? await startRedis({ isDurable: true }) : undefined),
  openBus: open,
  openSecondBus: open,
  trim: async (log, partition, keep) => {
    await log.run("XTRIM", log.streams[partition] ?? "", "MAXLEN", "=", keep);
  },
  recreate: async (log) => {
    await log.run("DEL", ...log.streams);
  },
  writeWithHoles: async (log) => {
    const stream = log.streams[0] ?? "";
    const written: { offset: bigint; value: Uint8Array }[] = [];
    for (let index = 0; index < 12; index++) {
      const value = new TextEncoder().encode(`holed ${index}`);
      written.push({ offset: offsetOfReply(await log.run("XADD", stream, "*", "value", value)), value });
    }
    for (const index of [3, 4, 7, 11]) {
      await log.run("XDEL", stream, formatOffset(written[index]?.offset ?? 0n, "ms-seq"));
    }
    return written.filter((_, index) => ![3, 4, 7, 11].includes(index));
  },
  addPartitions: { impossible: "the streams of a source are named in its configuration" },
  server: {
    stop: async (log) => await log.server?.stop(),
    kill: async (log) => await log.server?.kill(),
    start: async (log) => await log.server?.restart(),
  },
  keepsRecordsInProcess: false,
  randomRuns: 30,
});
