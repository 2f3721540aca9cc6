import { getLogger } from "@logtape/logtape";
import { reasonOf } from "../log/reason_of.ts";

/**
 * How long connections are refused after one could not be accepted: as long as descriptors are scarce, every attempt
 * would fail at once and be logged.
 */
export const LISTEN_AGAIN_MS = 1_000;

/** A port that is listened on. */
export interface Listener {
  readonly port: number;
  /** Ends when every answer is given; open streams are answers too. */
  shutdown(): Promise<void>;
}

/** As `Deno.serve`, which a test replaces. */
export type Serve = (
  address: { readonly hostname: string; readonly port: number },
  answer: Deno.ServeHandler<Deno.NetAddr>,
) => Pick<Deno.HttpServer<Deno.NetAddr>, "addr" | "finished" | "shutdown">;

const log = getLogger(["tidegate", "http"]);

/**
 * Listens until it is shut down. `Deno.serve` gives up for good when one connection cannot be accepted, as when the
 * process has no file descriptor left; its open streams go on, though. So the port is listened on again, after a moment.
 *
 * @throws Deno.errors.AddrInUse when the port is taken
 */
export function listen(
  host: string,
  port: number,
  answer: Deno.ServeHandler<Deno.NetAddr>,
  serve: Serve = serveHTTP,
): Listener {
  let server: ReturnType<Serve> | undefined = serve({ hostname: host, port }, answer);
  const bound = server.addr.port;
  const stopped = Promise.withResolvers<void>();
  let isStopped = false;
  const kept = keepListening();
  return { port: bound, shutdown };

  async function keepListening(): Promise<void> {
    while (!isStopped) {
      try {
        server ??= serve({ hostname: host, port: bound }, answer);
        return await server.finished;
      } catch (error) {
        server = undefined;
        log.error("Cannot accept connections on port {port}: {reason}", { port: bound, reason: reasonOf(error) });
      }
      await pause(LISTEN_AGAIN_MS, stopped.promise);
    }
  }

  async function shutdown(): Promise<void> {
    isStopped = true;
    stopped.resolve();
    await server?.shutdown();
    await kept;
  }
}

async function pause(durationMs: number, stopped: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([stopped, new Promise((resolve) => timer = setTimeout(resolve, durationMs))]);
  clearTimeout(timer);
}

function serveHTTP(
  address: { readonly hostname: string; readonly port: number },
  answer: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { ...address, onListen: () => {}, onError: () => new Response(null, { status: 500 }) },
    answer,
  );
}
