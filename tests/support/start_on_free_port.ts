import { freePort } from "./free_port.ts";
import { ServerProcess, type ServerProcessOptions } from "./server_process.ts";

const MAX_ATTEMPTS = 5;

/**
 * Starts the server that `describe` describes for a port and a new empty folder. Somebody else can take the port between
 * our look and the server's bind: then the next attempt has another port and another folder.
 */
export async function startOnFreePort(
  describe: (port: number, folder: string) => Promise<ServerProcessOptions> | ServerProcessOptions,
): Promise<ServerProcess> {
  for (let attempt = 1;; attempt++) {
    const folder = await Deno.makeTempDir({ prefix: "tidegate-test-" });
    let server: ServerProcess | null = null;
    try {
      server = new ServerProcess(await describe(freePort(), folder));
      await server.start();
      return server;
    } catch (error) {
      const lostRace = server !== null && /address.*in use|EADDRINUSE/i.test(server.log());
      if (server === null) await Deno.remove(folder, { recursive: true });
      else await server[Symbol.asyncDispose]();
      if (!lostRace || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
