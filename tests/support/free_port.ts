/** Linux hands out 32768 and up to outgoing connections; a port below them stays free while its server is down for a restart. */
const FIRST_PORT = 20_000;
const PORT_COUNT = 12_000;
const MAX_ATTEMPTS = 100;

/**
 * A TCP port of 127.0.0.1 that nobody listened on a moment ago. Somebody may take it before its server does: a start that
 * fails on it is tried again with another one (`startOnFreePort`).
 */
export function freePort(): number {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(
    `Cannot find a free port: ${MAX_ATTEMPTS} tries were all in use. Stop servers that earlier runs left behind`,
  );
}
