import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import {
  DEVELOPMENT_SECRET_VARIABLE,
  developmentIssuer,
  randomDevelopmentSecret,
  withDevelopmentIssuer,
} from "../access/development_issuer.ts";
import { mintToken } from "../access/mint_token.ts";
import type { Config } from "../config/schema.ts";
import { startLog } from "../log/start_log.ts";
import { type Grant, parseGrant } from "../model/scope.ts";
import { SERVER_VERSION } from "../model/server_version.ts";
import { DEMO_SCOPES, startDemo } from "./demo_source.ts";
import { type Gateway, startGateway } from "./start_gateway.ts";

const log = getLogger(["tidegate", "gateway"]);

/** How long a development token lives: a working day. */
const DEVELOPMENT_TOKEN_MS = 12 * 60 * 60 * 1_000;

/** Beyond the drain window, for buses to let go; then the process ends whatever still hangs. */
const EXIT_GRACE_MS = 4_000;

/**
 * Runs a gateway until a signal or a failure ends it. SIGTERM and SIGINT drain; a second one ends at once.
 *
 * @returns the exit code: 0 drained, 1 failed or cut short
 */
export async function serve(config: Config): Promise<number> {
  await startLog(config.log);
  const signals = Promise.withResolvers<"signal">();
  let signalCount = 0;
  const onSignal = () => {
    if (++signalCount > 1) Deno.exit(1);
    signals.resolve("signal");
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, onSignal);
  const demo = new AbortController();
  try {
    const gateway = config.dev.enabled ? await startDevelopment(config, demo.signal) : await startGateway(config);
    log.info("Tidegate {version} listens on http://{host}:{port}", {
      version: SERVER_VERSION,
      host: config.server.host,
      port: gateway.port,
    });
    gateway.ready.then(() => log.info("Ready"), () => {});
    await Promise.race([signals.promise, gateway.failed]);
    demo.abort();
    return await drainInTime(gateway, config.drain.windowMs);
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse
      ? `a port is taken (server.port ${config.server.port}, server.adminPort ${config.server.adminPort}); choose others`
      : reasonOf(error);
    log.fatal("Cannot run: {reason}", { reason });
    return 1;
  }
}

async function drainInTime(gateway: Gateway, windowMs: number): Promise<number> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), windowMs + EXIT_GRACE_MS));
  const outcome = await Promise.race([gateway.drain(), late]);
  clearTimeout(timer);
  if (outcome === "late") {
    log.warn("Not everything let go within {windowMs} ms after the window", { windowMs: EXIT_GRACE_MS });
  }
  return 0;
}

/** The gateway of a laptop: tokens signed with a secret of its own, events that flow, and a command that shows them. */
async function startDevelopment(config: Config, signal: AbortSignal): Promise<Gateway> {
  const secret = Deno.env.get(DEVELOPMENT_SECRET_VARIABLE) ?? randomDevelopmentSecret();
  const auth = withDevelopmentIssuer(config.auth, secret);
  const token = await developmentToken({ ...config, auth }, secret);
  const curl = (port: number) =>
    `curl -N -H 'Authorization: Bearer ${token}' 'http://${config.server.host}:${port}/api/v1/events/stream'`;
  const gateway = await startGateway({ ...config, auth }, { hint: curl });
  const bus = config.publish.source === undefined ? undefined : gateway.bus(config.publish.source);
  if (config.dev.demo && bus !== undefined) {
    gateway.ready.then(() => startDemo(bus, config.dev.demoIntervalMs, signal), () => {});
  }
  printWelcome(curl(gateway.port), token, gateway.port);
  return gateway;
}

async function developmentToken(config: Config, secret: string): Promise<string> {
  const grants = DEMO_SCOPES.map((scope) => parseGrant(scope)).filter((grant): grant is Grant => grant !== undefined);
  const wish = { subject: "demo", grants, mayPublish: true, lifetimeMs: DEVELOPMENT_TOKEN_MS };
  const minted = await mintToken(wish, developmentIssuer(secret), config.auth, Date.now());
  if (minted.kind !== "token") throw new Error(`Cannot mint the development token: ${minted.kind}`);
  return minted.text;
}

function printWelcome(curl: string, token: string, port: number): void {
  const lines = [
    "",
    `  Tidegate ${SERVER_VERSION}, development mode. Events are flowing; watch them:`,
    "",
    `    ${curl}`,
    "",
    "  Publish one of your own:",
    "",
    `    curl -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' \\`,
    `      -d '{"event":"task.progress-updated","scope":"user:demo","data":{"taskId":"mine","progress":40}}' \\`,
    `      http://127.0.0.1:${port}/api/v1/events`,
    "",
    "",
  ];
  Deno.stdout.writeSync(new TextEncoder().encode(lines.join("\n")));
}
