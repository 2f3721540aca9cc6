import type { Config } from "../config/schema.ts";
import { CONFIG_FLAGS, loadFromFlags, printProblems } from "./config_flags.ts";
import type { FlagValues } from "./command.ts";
import { printProblem } from "./print.ts";

/** The flags of every command that asks a running gateway. */
export const REMOTE_FLAGS = {
  url: { value: "URL", help: "The gateway's address. Default: that of the configuration, on this machine." },
  "token-file": {
    value: "FILE",
    help: "File with the token; - for standard input. No flag takes it: ps would show it.",
  },
  config: CONFIG_FLAGS.config,
  set: CONFIG_FLAGS.set,
} as const;

/** A gateway and what lets us in. */
export interface Remote {
  /** Without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Where the flags and the configuration lead: to the operator's port with the admin token, or to the public one with a
 * user's. Says what is missing, and is `undefined` then.
 */
export async function remoteOf(
  flags: FlagValues<typeof REMOTE_FLAGS>,
  port: "operator" | "public",
): Promise<Remote | undefined> {
  const loaded = loadFromFlags({ config: flags.config, set: flags.set, dev: false, port: undefined });
  if (loaded.kind === "problems") {
    printProblems(loaded);
    return undefined;
  }
  const isOperator = port === "operator";
  const url = gatewayURL(flags.url, loaded.config, port);
  if (url === undefined) return undefined;
  const file = flags["token-file"];
  const token = file === undefined ? (isOperator ? loaded.config.admin.token : undefined) : await readToken(file);
  if (token === undefined || token === "") {
    return missing(
      file !== undefined
        ? `Cannot read a token from ${JSON.stringify(file)}`
        : isOperator
        ? "Cannot ask without the admin token: set admin.token, TIDEGATE_ADMIN_TOKEN or --token-file"
        : "Cannot ask without a token: give --token-file, such as tidegate token mint --sub 42 | … --token-file -",
    );
  }
  return { url, headers: { authorization: `Bearer ${token}` } };
}

/** The address that was given, else the configured one on this machine. Says so when it is none, and is `undefined` then. */
export function gatewayURL(
  given: string | undefined,
  { server }: Pick<Config, "server">,
  port: "operator" | "public",
): string | undefined {
  const url = given ??
    (port === "operator" ? addressOf(server.adminHost, server.adminPort) : addressOf(server.host, server.port));
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/$/, "");
  return missing(`Cannot reach ${JSON.stringify(url)}: --url must be http:// or https://`);
}

/** What a gateway said no with, as a sentence; its problem body's `detail`, where there is one. */
export async function refusalText(response: Response): Promise<string> {
  return problemText(response.status, await response.text());
}

/** The same of an answer that was read already. */
export function problemText(status: number, body: string): string {
  try {
    const { detail, code } = JSON.parse(body);
    if (typeof detail === "string" && typeof code === "string") return `${status} ${code}: ${detail}`;
  } catch {
    // Something else than a gateway answered.
  }
  return `${status} ${body.slice(0, 200)}`;
}

function addressOf(host: string, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    const text = file === "-" ? await new Response(Deno.stdin.readable).text() : await Deno.readTextFile(file);
    return text.trim().replace(/^bearer +/i, "");
  } catch {
    return undefined;
  }
}

function missing(message: string): undefined {
  printProblem(message);
  return undefined;
}
