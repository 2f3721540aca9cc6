import { join } from "node:path";
import { startOnFreePort } from "../../tests/support/start_on_free_port.ts";
import { signToken } from "./sign_token.ts";
import type { Peer, RunningPeer } from "./peer.ts";

/** The project. */
export const ROOT = join(import.meta.dirname ?? "", "..", "..");
const START_TIMEOUT_MS = 30_000;

/** One publisher is all of a bench's load, which is to be as fast as the gateway lets it. */
export const PUBLISH_RATE = { perSecond: 10_000_000, burst: 100_000_000 };

/** Settings that take the place of the bench's own, section by section. */
export type SettingsOverrides = Readonly<Record<string, unknown>>;

/**
 * The gateway as a process of its own, as it is shipped: every check on, each reader with a token of its own. Only the
 * limits that a single machine's bench would meet are raised. Its one flag is `--config`.
 */
export function tidegatePeer(overrides: SettingsOverrides = {}): Peer {
  return { name: "Tidegate", start: () => startTidegate(overrides) };
}

export async function startTidegate(overrides: SettingsOverrides): Promise<RunningPeer> {
  const server = await startOnFreePort(async (port, folder) => {
    const file = join(folder, "tidegate.yaml");
    // JSON is YAML too.
    await Deno.writeTextFile(file, JSON.stringify({ ...settings(port), ...overrides }));
    return {
      name: "Tidegate",
      port,
      folder,
      command: ["sh", "-c", 'ulimit -n "$(ulimit -Hn)" && exec "$@"', "sh", ...gatewayCommand(), "--config", file],
      isReady: () => isReady(port),
      startTimeoutMs: START_TIMEOUT_MS,
    };
  });
  return {
    name: "Tidegate",
    port: server.port,
    pids: () => server.pid === null ? [] : [server.pid],
    streamRequest: (user, scopes) => {
      const query = scopes.map((scope) => `scope=${scope}`).join("&");
      const token = signToken({ sub: user, novels: novelsOf(scopes) });
      return `GET /api/v1/events/stream?${query} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    },
    publishing: () => ({
      kind: "tidegate",
      token: signToken({ sub: "publisher", permissions: ["events:publish"] }),
      connections: 1,
      maxBatch: 1_000,
      turns: "scope",
    }),
    [Symbol.asyncDispose]: async () => {
      // An orderly end: a profiler writes what it has only then.
      await server.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What starts the gateway, without its flags. `BENCH_DENO_FLAGS` adds flags of Deno's, such as a profiler's. */
export function gatewayCommand(): readonly string[] {
  const flags = (Deno.env.get("BENCH_DENO_FLAGS") ?? "").split(" ").filter((flag) => flag !== "");
  return [
    Deno.execPath(),
    "run",
    "--v8-flags=--max-semi-space-size=4",
    "-P=gateway",
    ...flags,
    join(ROOT, "main.ts"),
    "serve",
  ];
}

function settings(port: number): SettingsOverrides {
  return {
    server: { port, adminPort: Number(Deno.env.get("BENCH_ADMIN_PORT") ?? 0) },
    log: { level: "warning", format: "text" },
    auth: {
      issuers: [{ issuer: signToken.issuer, secret: signToken.secret }],
      grants: ["global", "user:{sub}", "novel:{novels[]}"],
      publish: ["*"],
    },
    streams: { maxTotal: 20_000, maxLifetime: "1h" },
    publish: { rate: PUBLISH_RATE },
    drain: { window: "0s" },
  };
}

function novelsOf(scopes: readonly string[]): readonly string[] {
  return scopes.filter((scope) => scope.startsWith("novel:")).map((scope) => scope.slice("novel:".length));
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  await response.body?.cancel();
  return response.ok;
}
