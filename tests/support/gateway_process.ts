import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SignJWT } from "jose";
import { stringify } from "yaml";
import { EventReader } from "./event_reader.ts";
import type { TestServer } from "./server_process.ts";
import { startOnFreePort } from "./start_on_free_port.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Secret of the only issuer of a {@link GatewayProcess}. */
const SECRET = "the secret of a gateway under test, long enough";

/** How a gateway is run. */
export interface GatewayProcessOptions {
  /** Sections of the configuration, of `server` what is not its port; paths in it are relative to the process's empty folder. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The executable with its first arguments; default: this Deno on main.ts, with the permissions that users run it with. */
  readonly program?: readonly string[];
  /** Further variables of its environment, of which some may name files in its folder. */
  readonly environment?: (folder: string) => Readonly<Record<string, string>>;
}

/**
 * A token for the subject that every {@link GatewayProcess} accepts until then, made without starting a process. It does not
 * say when it was issued: a gateway whose clock is behind would not take it yet.
 */
export function signToken(subject: string, expiresAt: Date | string = "10y"): Promise<string> {
  return new SignJWT({ sub: subject, permissions: ["events:publish"] })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer("tests")
    .setExpirationTime(expiresAt)
    .sign(new TextEncoder().encode(SECRET));
}

/** A gateway of its own process, in an empty folder, on a free port, with everything a test asks of it from outside. */
export interface GatewayProcess extends TestServer {
  readonly url: string;
  /** Where it was started, with its configuration and data. */
  readonly folder: string;
  tokenFor(subject: string): Promise<string>;
  stream(token: string, query?: string, headers?: Readonly<Record<string, string>>): Promise<EventReader>;
  /** Publishes and gives the events' ids. */
  publish(token: string, events: unknown): Promise<readonly string[]>;
}

/** The gateway as `deno task start` runs it. */
export const FROM_SOURCE: readonly string[] = [
  Deno.execPath(),
  "run",
  `--config=${ROOT}deno.json`,
  "--no-prompt",
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write=.",
  "--allow-sys=hostname,osRelease,uid",
  `${ROOT}main.ts`,
];

/** Starts a gateway and resolves when it is ready. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const program = options.program ?? FROM_SOURCE;
  let folder = "";
  const server = await startOnFreePort(async (port, ownFolder) => {
    folder = ownFolder;
    await Deno.writeTextFile(join(folder, "tidegate.yaml"), stringify(configOf(port, options.config)));
    const environment = Object.entries(options.environment?.(folder) ?? {}).map(([name, value]) => `${name}=${value}`);
    return {
      name: "Tidegate",
      port,
      folder,
      command: [
        ...["bash", "-c", `cd "$1" && shift && exec "$@"`, "tidegate", folder],
        // The tests' own seed is no setting of a gateway, which refuses what it does not know.
        ...["env", "-u", "TIDEGATE_SEED", ...environment, ...program, "serve"],
      ],
      isReady: async () => {
        const response = await fetch(`http://127.0.0.1:${port}/readyz`);
        await response.body?.cancel();
        return response.ok;
      },
      startTimeoutMs: 30_000,
    };
  });
  const url = `http://127.0.0.1:${server.port}`;
  const post = async (token: string, events: unknown): Promise<readonly string[]> => {
    const response = await fetch(`${url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(events),
    });
    if (response.status !== 201) throw new Error(`Cannot publish: ${response.status} ${await response.text()}`);
    return (await response.json()).ids;
  };
  return Object.assign(server, {
    url,
    folder,
    tokenFor: (subject: string) => mint(program, folder, subject),
    stream: (token: string, query = "", headers: Readonly<Record<string, string>> = {}) =>
      EventReader.open(`${url}/api/v1/events/stream${query}`, { authorization: `Bearer ${token}`, ...headers }),
    publish: post,
  });
}

function configOf(port: number, sections: Readonly<Record<string, unknown>>): object {
  return {
    auth: {
      issuers: [{ issuer: "tests", secret: SECRET }],
      grants: ["user:{sub}", "global"],
      publish: ["*"],
    },
    drain: { window: "0ms" },
    ...sections,
    server: { adminPort: 0, ...asSection(sections["server"]), port },
  };
}

function asSection(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

async function mint(program: readonly string[], folder: string, subject: string): Promise<string> {
  const [executable = "", ...args] = [...program, "token", "mint", "--sub", subject, "--publish"];
  const { code, stdout, stderr } = await new Deno.Command(executable, { args, cwd: folder }).output();
  if (code !== 0) throw new Error(`Cannot mint a token: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}
