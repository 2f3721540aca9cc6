import { randomBytes } from "node:crypto";
import {
  DEVELOPMENT_SECRET_VARIABLE,
  developmentIssuer,
  randomDevelopmentSecret,
  withDevelopmentIssuer,
} from "../access/development_issuer.ts";
import { mintToken } from "../access/mint_token.ts";
import type { Config } from "../config/schema.ts";
import type { DevelopmentTokenWish, MintDevelopmentToken } from "../http/admin/development_token_route.ts";
import { type Grant, parseGrant } from "../model/scope.ts";
import { SERVER_VERSION } from "../model/server_version.ts";
import { DEMO_SCOPES, startDemo } from "./demo_source.ts";
import { type Gateway, startGateway } from "./start_gateway.ts";

/** How long the printed token lives: a working day. */
const DEMO_TOKEN_MS = 12 * 60 * 60 * 1_000;
/** How long one of the console's lives: nobody tries one thing for longer. */
const CONSOLE_TOKEN_MS = 60 * 60 * 1_000;

/** The gateway of a laptop: tokens signed with a secret of its own, events that flow, and a console that shows them. */
export async function startDevelopment(config: Config, signal: AbortSignal): Promise<Gateway> {
  const secret = Deno.env.get(DEVELOPMENT_SECRET_VARIABLE) ?? randomDevelopmentSecret();
  const auth = withDevelopmentIssuer(config.auth, secret);
  const adminToken = config.admin.token ?? randomBytes(32).toString("base64url");
  const mint = minter({ ...config, auth }, secret);
  const token = await demoToken(mint);
  const address = (port: number) => `http://${config.server.host}:${port}`;
  const curl = (port: number) => `curl -N -H 'Authorization: Bearer ${token}' '${address(port)}/api/v1/events/stream'`;
  const gateway = await startGateway(
    { ...config, auth, admin: { token: adminToken } },
    { hint: curl, mint: (wish) => mint(wish, CONSOLE_TOKEN_MS) },
  );
  const bus = config.publish.source === undefined ? undefined : gateway.bus(config.publish.source);
  const hasDemo = config.dev.demo && bus !== undefined;
  if (hasDemo) gateway.ready.then(() => startDemo(bus, config.dev.demoIntervalMs, signal), () => {});
  printWelcome({ url: address(gateway.port), adminToken, token, hasDemo, takesEvents: bus !== undefined });
  return gateway;
}

type Minter = (wish: DevelopmentTokenWish, lifetimeMs: number) => ReturnType<MintDevelopmentToken>;

function minter(config: Config, secret: string): Minter {
  const issuer = developmentIssuer(secret);
  return async (wish, lifetimeMs) => {
    const minted = await mintToken({ ...wish, lifetimeMs }, issuer, config.auth, Date.now());
    switch (minted.kind) {
      case "token":
        return minted;
      case "unreachable-grant":
        return { kind: "refused", detail: `A development token cannot hold ${JSON.stringify(minted.grant)}` };
      case "no-secret":
        return { kind: "refused", detail: "The development issuer has no secret" };
    }
  };
}

async function demoToken(mint: Minter): Promise<string> {
  const grants = DEMO_SCOPES.map((scope) => parseGrant(scope)).filter((grant): grant is Grant => grant !== undefined);
  const minted = await mint({ subject: "demo", grants, mayPublish: true }, DEMO_TOKEN_MS);
  if (minted.kind !== "token") throw new Error(`Cannot mint the development token: ${minted.detail}`);
  return minted.text;
}

interface Welcome {
  readonly url: string;
  readonly adminToken: string;
  readonly token: string;
  readonly hasDemo: boolean;
  /** Whether there is a source to publish to. */
  readonly takesEvents: boolean;
}

/** Each block sets the token itself, so that it can be pasted into a terminal just opened. */
function printWelcome({ url, adminToken, token, hasDemo, takesEvents }: Welcome): void {
  const lines = [
    "",
    `  Tidegate ${SERVER_VERSION}, development mode. ${
      hasDemo ? "Events are flowing; watch them" : "Watch events"
    } in the console:`,
    "",
    `    ${url}/console#token=${adminToken}`,
    "",
    "  Or in a second terminal:",
    "",
    `    TOKEN=${token}`,
    `    curl -N -H "Authorization: Bearer $TOKEN" '${url}/api/v1/events/stream'`,
    "",
  ];
  if (takesEvents) {
    lines.push(
      "  Publish one of your own, in a third:",
      "",
      `    TOKEN=${token}`,
      `    curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\`,
      `      -d '{"event":"task.progress-updated","scope":"user:demo","data":{"taskId":"mine","progress":40}}' \\`,
      `      ${url}/api/v1/events`,
      "",
    );
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
}
