import { startOnFreePort } from "./start_on_free_port.ts";
import type { TestServer } from "./server_process.ts";

export interface RedisServer extends TestServer {
  readonly url: string;
}

export interface RedisServerOptions {
  /** Append-only file with fsync on every write, so that `kill()` loses nothing. Default false: nothing outlives the process. */
  readonly isDurable?: boolean;
  /** More lines of redis.conf, each `[name, value]`: `[["maxmemory", "8mb"]]`. */
  readonly settings?: readonly (readonly [name: string, value: string])[];
}

/** A Redis of one's own (Debian's `redis-server`). */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await startOnFreePort((port, folder) => {
    const durability = options.isDurable
      ? [["appendonly", "yes"], ["appendfsync", "always"]] as const
      : [["appendonly", "no"]] as const;
    const settings = [
      ["port", String(port)],
      ["bind", "127.0.0.1"],
      ["dir", folder],
      ["save", ""],
      ...durability,
      ...options.settings ?? [],
    ];
    return {
      name: "Redis",
      port,
      folder,
      command: ["redis-server", ...settings.flatMap(([name, value]) => [`--${name}`, value ?? ""])],
      isReady: () => answersPing(port),
      startTimeoutMs: 10_000,
    };
  });
  return Object.assign(server, { url: `redis://127.0.0.1:${server.port}` });
}

/** A Redis that still loads its data accepts connections and answers `-LOADING`: only +PONG counts. */
async function answersPing(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode("PING\r\n"));
  const reply = new Uint8Array(5);
  await connection.read(reply);
  return new TextDecoder().decode(reply) === "+PONG";
}
