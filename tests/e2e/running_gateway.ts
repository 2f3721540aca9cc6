import { mintToken } from "../../src/access/mint_token.ts";
import { type ConfigInput, configSchema } from "../../src/config/schema.ts";
import { type Gateway, startGateway } from "../../src/gateway/start_gateway.ts";
import { type Grant, parseGrant } from "../../src/model/scope.ts";
import { EventReader } from "../support/event_reader.ts";

/** Secret of the tests' only issuer. */
export const SECRET = "a secret of the tests, 32 bytes or more long";

/** The `auth` section that accepts tokens made with {@link tokenFor}. */
export const AUTH = {
  issuers: [{ issuer: "tests", secret: SECRET }],
  grants: ["user:{sub}", "global", "{grants[]}", { grant: "novel:*", when: { claim: "role", is: "editor" } }],
  publish: ["*"],
} satisfies ConfigInput["auth"];

/** A gateway in this process on free ports, with a token for everything that a test asks. */
export class RunningGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly url: string;
  readonly #config: ReturnType<typeof configSchema.parse>;

  private constructor(gateway: Gateway, config: ReturnType<typeof configSchema.parse>) {
    this.gateway = gateway;
    this.url = `http://127.0.0.1:${gateway.port}`;
    this.#config = config;
  }

  static async start(settings: ConfigInput = {}): Promise<RunningGateway> {
    const running = await RunningGateway.listening(settings);
    await Promise.race([running.gateway.ready, running.gateway.failed]);
    return running;
  }

  /** Listens, and may still be warming up. */
  static async listening(settings: ConfigInput = {}): Promise<RunningGateway> {
    const config = configSchema.parse({
      auth: AUTH,
      ...settings,
      server: { port: 0, adminPort: 0, ...settings.server },
      drain: { window: "0ms", ...settings.drain },
    });
    return new RunningGateway(await startGateway(config), config);
  }

  /** A token for the subject, with further grants, and the right to publish everywhere unless it shall have none. */
  async tokenFor(
    subject: string,
    grants: readonly string[] = [],
    lifetimeMs = 3_600_000,
    mayPublish = true,
  ): Promise<string> {
    const issuer = this.#config.auth.issuers[0];
    if (issuer === undefined) throw new Error("Cannot mint a token: no issuer is configured");
    const wish = { subject, grants: grants.map(grantOf), mayPublish, lifetimeMs };
    const minted = await mintToken(wish, issuer, this.#config.auth, Date.now());
    if (minted.kind !== "token") throw new Error(`Cannot mint a token: ${minted.kind}`);
    return minted.text;
  }

  /** Opens a stream and gives it behind its `stream.opened`. */
  async stream(token: string, query = "", headers: Record<string, string> = {}): Promise<EventReader> {
    const url = `${this.url}/api/v1/events/stream${query}`;
    return await EventReader.open(url, { authorization: `Bearer ${token}`, ...headers });
  }

  async publish(token: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return await fetch(`${this.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.drain();
  }
}

function grantOf(text: string): Grant {
  const grant = parseGrant(text);
  if (grant === undefined) throw new Error(`Cannot grant ${JSON.stringify(text)}: it is no grant`);
  return grant;
}
