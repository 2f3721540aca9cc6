import { Redis } from "ioredis";

/** One command on a connection of its own, as an operator's `redis-cli` would send it. */
export async function redisCommand(url: string, command: string, ...args: (string | number)[]): Promise<unknown> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null });
  const ended = new Promise((resolve) => redis.once("end", resolve));
  try {
    await redis.connect();
    return await redis.call(command, ...args);
  } finally {
    redis.disconnect();
    await ended;
  }
}
