import { reasonOf } from "../log/reason_of.ts";
import { getLogger } from "@logtape/logtape";
import type { Config } from "../config/schema.ts";
import { startLog } from "../log/start_log.ts";
import { SERVER_VERSION } from "../model/server_version.ts";
import { startDevelopment } from "./development.ts";
import { type Gateway, startGateway } from "./start_gateway.ts";

const log = getLogger(["tidegate", "gateway"]);

/** Beyond the drain window, for buses to let go; then the process ends whatever still hangs. */
const EXIT_GRACE_MS = 4_000;

/**
 * Runs a gateway until a signal, an operator or a failure ends it. SIGTERM and SIGINT drain; a second one ends at once.
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
    const { host } = config.server;
    // One value: values are quoted, and a URL with quotes inside cannot be clicked.
    const url = `http://${host.includes(":") ? `[${host}]` : host}:${gateway.port}`;
    log.info("Tidegate {version} listens on {url}", { version: SERVER_VERSION, url, port: gateway.port });
    gateway.ready.then(() => log.info("Ready"), () => {});
    await Promise.race([signals.promise, gateway.failed, gateway.drainAsked]);
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
