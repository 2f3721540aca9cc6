import { join } from "node:path";
import { startOnFreePort } from "./start_on_free_port.ts";
import type { TestServer } from "./server_process.ts";

export interface PostgresServer extends TestServer {
  /** Of the superuser `postgres` and the database `postgres`; no password. */
  readonly url: string;
}

export interface PostgresServerOptions {
  /** More settings of postgresql.conf: `{ wal_level: "logical" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Debian keeps the server's programs out of PATH, a folder a version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";

/** A PostgreSQL of one's own (Debian's `postgresql`). It refuses to run as root: then it runs as the user `postgres`. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const programs = await postgresPrograms();
  const user = Deno.uid() === 0 ? "postgres" : undefined;
  const server = await startOnFreePort(async (port, folder) => {
    if (user !== undefined) await run(["chown", user, folder]);
    const data = join(folder, "data");
    const asUser = user === undefined ? [] : ["setpriv", "--reuid", user, "--regid", user, "--init-groups"];
    await run([
      ...asUser,
      join(programs, "initdb"),
      "-D",
      data,
      "-U",
      "postgres",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--no-locale",
      "--no-sync",
    ]);
    const settings = { port, listen_addresses: "127.0.0.1", unix_socket_directories: folder, ...options.settings };
    return {
      name: "PostgreSQL",
      port,
      folder,
      user,
      command: [
        join(programs, "postgres"),
        ...["-D", data],
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      isReady: () => answersStartup(port),
      startTimeoutMs: 30_000,
      // SIGINT disconnects the clients; SIGTERM would wait for them. SIGQUIT takes the server's children along.
      stopSignal: "SIGINT",
      orphanSignal: "SIGQUIT",
    };
  });
  return Object.assign(server, { url: `postgres://postgres@127.0.0.1:${server.port}/postgres` });
}

/** The folder of the newest PostgreSQL server that is installed; a removed one, or a client alone, leaves a folder without `initdb`. */
export async function postgresPrograms(): Promise<string> {
  const versions: number[] = [];
  try {
    for await (const entry of Deno.readDir(DEBIAN_FOLDER)) {
      if (await exists(join(DEBIAN_FOLDER, entry.name, "bin", "initdb"))) versions.push(Number(entry.name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (versions.length === 0) {
    throw new Error(`Cannot find PostgreSQL: ${DEBIAN_FOLDER} holds no server. Install Debian's postgresql`);
  }
  return join(DEBIAN_FOLDER, String(Math.max(...versions)), "bin");
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function run(command: readonly string[]): Promise<void> {
  const [program = "", ...args] = command;
  const { success, stderr } = await new Deno.Command(program, { args, stdin: "null", cwd: "/" }).output();
  if (!success) throw new Error(`Cannot prepare PostgreSQL with ${program}: ${new TextDecoder().decode(stderr)}`);
}

/** Sends the start-up message of protocol 3.0: `R` (authentication) is the answer of a server that takes clients, `E` that of one that starts. */
async function answersStartup(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const parameters = new TextEncoder().encode("user\0postgres\0database\0postgres\0\0");
  const request = new Uint8Array(8 + parameters.length);
  const header = new DataView(request.buffer);
  header.setInt32(0, request.length);
  header.setInt32(4, 3 << 16);
  request.set(parameters, 8);
  await connection.write(request);
  const reply = new Uint8Array(1);
  await connection.read(reply);
  return reply[0] === "R".charCodeAt(0);
}
