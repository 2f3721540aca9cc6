import { freePort } from "../tests/support/free_port.ts";

const TIMEOUT_MS = 60_000;
const POLL_MS = 2;

/**
 * Milliseconds from a gateway's start until it answers 200 at the path; it is killed then.
 *
 * @param command that starts it, without the port
 */
export async function startTimeMs(command: readonly string[], path: string): Promise<number> {
  const port = freePort();
  const startMs = performance.now();
  // Two milliseconds of it are setpriv's, so that the kernel ends it when the bench dies.
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", ...command, "--port", String(port), "--set", "server.adminPort=0"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    while (performance.now() - startMs < TIMEOUT_MS) {
      if (await answers(port, path)) return performance.now() - startMs;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`Cannot start ${command[0]}: no answer within ${TIMEOUT_MS} ms`);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

async function answers(port: number, path: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
