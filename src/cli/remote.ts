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
  const { server, admin } = loaded.config;
  const isOperator = port === "operator";
  const given = flags.url ??
    addressOf(isOperator ? server.adminHost : server.host, isOperator ? server.adminPort : server.port);
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    return missing(`Cannot reach ${JSON.stringify(given)}: --url must be http:// or https://`);
  }
  const file = flags["token-file"];
  const token = file === undefined ? (isOperator ? admin.token : undefined) : await readToken(file);
  if (token === undefined || token === "") {
    return missing(
      file !== undefined
        ? `Cannot read a token from ${JSON.stringify(file)}`
        : isOperator
        ? "Cannot ask without the admin token: set admin.token, TIDEGATE_ADMIN_TOKEN or --token-file"
        : "Cannot ask without a token: give --token-file, such as tidegate token mint --sub 42 | … --token-file -",
    );
  }
  return { url: given.replace(/\/$/, ""), headers: { authorization: `Bearer ${token}` } };
}

/** What a gateway said no with, as a sentence; its problem body's `detail`, where there is one. */
export async function refusalText(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { detail, code } = JSON.parse(text);
    if (typeof detail === "string" && typeof code === "string") return `${response.status} ${code}: ${detail}`;
  } catch {
    // Something else than a gateway answered.
  }
  return `${response.status} ${text.slice(0, 200)}`;
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
