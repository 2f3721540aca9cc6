import { parseArgs } from "node:util";
import { DEVELOPMENT_SECRET_VARIABLE, withDevelopmentIssuer } from "../access/development_issuer.ts";
import { mintToken, type TokenWish } from "../access/mint_token.ts";
import type { Principal } from "../access/principal.ts";
import { parseCompactToken } from "../access/compact_token.ts";
import { createTokenVerifier } from "../access/token_verifier.ts";
import type { AuthConfig } from "../config/auth_schema.ts";
import { parseDuration } from "../config/duration.ts";
import { loadConfig } from "../config/load_config.ts";
import type { Environment } from "../config/substitute_variables.ts";
import { type Grant, parseGrant } from "../model/scope.ts";

/** What the command reads and writes besides its arguments; in the process, its own streams and environment. */
export interface TokenCommandIO {
  readonly env: Environment;
  readonly now: () => number;
  readonly readInput: () => Promise<string>;
  readonly writeOutput: (text: string) => void;
  readonly writeError: (text: string) => void;
}

const HELP = `Usage: tidegate token mint --sub NAME [options]
       tidegate token inspect [TOKEN] [options]

mint: prints a token that this configuration accepts, for development and tests. The issuer's secret
must be in the configuration; without a configured issuer, in ${DEVELOPMENT_SECRET_VARIABLE}.

  --sub NAME          whom the token speaks for
  --grant GRANT       what it may read beyond that, such as novel:7; repeatable
  --publish           with the permission events:publish
  --session NAME      its session
  --claim NAME=VALUE  a further claim; VALUE as JSON, else as text; repeatable
  --ttl DURATION      how long it lives: 30s, 15m, 1h (default)
  --issuer NAME       which issuer, where several have a secret

inspect: shows a token's header and claims, whether this configuration accepts it, and what it then grants.
Reads the token from standard input when none is given. The token stays here.

  --config FILE       configuration (default: TIDEGATE_CONFIG, else tidegate.yaml if it is there)
  --json              one JSON object on standard output
  --help
`;

const OPTIONS = {
  sub: { type: "string" },
  grant: { type: "string", multiple: true, default: [] as string[] },
  publish: { type: "boolean", default: false },
  session: { type: "string" },
  claim: { type: "string", multiple: true, default: [] as string[] },
  ttl: { type: "string", default: "1h" },
  issuer: { type: "string" },
  config: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** `tidegate token`: 0 done, 1 the token is refused or cannot be made, 2 wrong usage. */
export async function token(args: readonly string[], io: TokenCommandIO = processIO()): Promise<number> {
  const parsed = parse(args);
  if (parsed === undefined || parsed.values.help || parsed.positionals.length === 0) {
    (parsed?.values.help === true ? io.writeOutput : io.writeError)(HELP);
    return parsed?.values.help === true ? 0 : 2;
  }
  const [command, text, ...rest] = parsed.positionals;
  const auth = readAuth(parsed.values.config, io);
  if (auth.kind === "problem") return fail(io, 1, auth.problem);
  if (command === "mint" && text === undefined) return await mint(parsed.values, auth.config, io);
  if (command === "inspect" && rest.length === 0) return await inspect(text, parsed.values.json, auth.config, io);
  return fail(io, 2, `Cannot run "token ${command}" with these arguments. See tidegate token --help`);
}

type Values = NonNullable<ReturnType<typeof parse>>["values"];

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
  } catch {
    // `parseArgs` throws for unknown options; the usage says more than its message.
    return undefined;
  }
}

async function mint(values: Values, config: AuthConfig, io: TokenCommandIO): Promise<number> {
  const wish = readWish(values);
  if ("problem" in wish) return fail(io, 2, wish.problem);
  const signers = config.issuers.filter(({ issuer, keys }) =>
    keys.some(({ kind }) => kind === "secret") && (values.issuer === undefined || values.issuer === issuer)
  );
  const [issuer] = signers;
  if (issuer === undefined) {
    return fail(io, 1, `Cannot sign a token: no such issuer has a secret here. Set ${DEVELOPMENT_SECRET_VARIABLE}`);
  }
  if (signers.length > 1) return fail(io, 2, "Cannot choose an issuer: several have a secret. Name one with --issuer");
  const minted = await mintToken(wish, issuer, config, io.now());
  if (minted.kind === "no-secret") {
    return fail(io, 1, `Cannot sign a token: the issuer "${issuer.issuer}" has no secret`);
  }
  if (minted.kind === "unreachable-grant") {
    const templates = (issuer.grants ?? config.grants).map(({ template }) => template.text).join(", ");
    return fail(io, 1, `Cannot grant "${minted.grant}": no template yields it. The issuer's templates: ${templates}`);
  }
  const outcome = await createTokenVerifier(config, io.now)(minted.text);
  if (outcome.kind === "refused") return fail(io, 1, `Cannot use such a token: ${outcome.code}. ${outcome.detail}`);
  if (values.json) {
    io.writeOutput(JSON.stringify({ token: minted.text, principal: describe(outcome.principal) }) + "\n");
  } else {
    io.writeError(`${summary(outcome.principal)}\n`);
    io.writeOutput(`${minted.text}\n`);
  }
  return 0;
}

async function inspect(
  given: string | undefined,
  asJson: boolean,
  config: AuthConfig,
  io: TokenCommandIO,
): Promise<number> {
  const text = (given === undefined || given === "-" ? await io.readInput() : given).trim().replace(/^bearer +/i, "");
  const read = parseCompactToken(text);
  const outcome = await createTokenVerifier(config, io.now)(text);
  const isAccepted = outcome.kind === "principal";
  const verdict = isAccepted
    ? { accepted: true, principal: describe(outcome.principal) }
    : { accepted: false, code: outcome.code, detail: outcome.detail };
  if (asJson) {
    io.writeOutput(JSON.stringify({ ...verdict, header: read?.header ?? null, claims: read?.payload ?? null }) + "\n");
    return isAccepted ? 0 : 1;
  }
  if (read !== undefined) {
    io.writeOutput(`header  ${printable(JSON.stringify(read.header))}\n`);
    io.writeOutput(`claims  ${printable(JSON.stringify(read.payload, null, 2))}\n`);
  }
  io.writeOutput(
    isAccepted ? `accepted: ${summary(outcome.principal)}\n` : `refused: ${outcome.code}. ${outcome.detail}\n`,
  );
  return isAccepted ? 0 : 1;
}

function readWish({ sub, grant, publish, session, claim, ttl }: Values): TokenWish | { readonly problem: string } {
  if (sub === undefined || sub === "") return { problem: "Cannot mint a token for nobody. Give --sub NAME" };
  const lifetimeMs = parseDuration(ttl);
  if (lifetimeMs === undefined || lifetimeMs < 1_000) {
    return { problem: `Cannot mint a token for "${ttl}". Give --ttl a duration such as 30s, 15m, 1h` };
  }
  const grants: Grant[] = [];
  for (const text of grant) {
    const read = parseGrant(text);
    if (read === undefined) return { problem: `Cannot grant "${text}": write global, kind:id or kind:*` };
    grants.push(read);
  }
  const claims: Record<string, unknown> = {};
  for (const text of claim) {
    const equals = text.indexOf("=");
    if (equals < 1) return { problem: `Cannot add the claim "${text}": write NAME=VALUE` };
    claims[text.slice(0, equals)] = jsonOrText(text.slice(equals + 1));
  }
  return {
    subject: sub,
    grants,
    mayPublish: publish,
    claims,
    lifetimeMs,
    ...(session === undefined ? {} : { sessionId: session }),
  };
}

function readAuth(
  file: string | undefined,
  { env }: TokenCommandIO,
): { readonly kind: "config"; readonly config: AuthConfig } | { readonly kind: "problem"; readonly problem: string } {
  const loaded = loadConfig({ env, ...(file === undefined ? {} : { file }) });
  if (loaded.kind === "problems") {
    const first = loaded.problems.find(({ severity }) => severity === "error");
    const reason = first === undefined ? "" : `: ${first.path} ${first.message}`;
    return { kind: "problem", problem: `Cannot read the configuration${reason}. See tidegate config check` };
  }
  const secret = env[DEVELOPMENT_SECRET_VARIABLE];
  if (secret === undefined) return { kind: "config", config: loaded.config.auth };
  try {
    return { kind: "config", config: withDevelopmentIssuer(loaded.config.auth, secret) };
  } catch (error) {
    return { kind: "problem", problem: error instanceof Error ? error.message : String(error) };
  }
}

function describe(principal: Principal) {
  const { issuer, subject, sessionId, tokenId, grants, permissions, publishTargets, expiresAtMs } = principal;
  return {
    issuer,
    subject,
    sessionId: sessionId ?? null,
    tokenId: tokenId ?? null,
    grants: [...grants],
    permissions: [...permissions],
    publishTargets: permissions.has("events:publish") ? targets(publishTargets) : [],
    expiresAt: new Date(expiresAtMs).toISOString(),
  };
}

function targets({ everywhere, grants }: Principal["publishTargets"]): readonly string[] {
  return everywhere ? ["*"] : [...grants];
}

function summary(principal: Principal): string {
  const { subject, issuer, grants, publishTargets, expiresAt } = describe(principal);
  const publish = publishTargets.length === 0 ? "" : `; publishes to ${publishTargets.join(" ")}`;
  return printable(`${subject} of ${issuer}; reads ${[...grants].join(" ")}${publish}; until ${expiresAt}`);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A token is a stranger's text: nothing in it may move a terminal's cursor. */
function printable(text: string): string {
  return text.replace(/[[\p{Cc}\p{Cf}]--[\n]]/gv, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

function fail(io: TokenCommandIO, exitCode: number, message: string): number {
  io.writeError(`${printable(message)}\n`);
  return exitCode;
}

function processIO(): TokenCommandIO {
  const encoder = new TextEncoder();
  return {
    env: Deno.env.toObject(),
    now: Date.now,
    readInput: () => new Response(Deno.stdin.readable).text(),
    writeOutput: (text) => void Deno.stdout.writeSync(encoder.encode(text)),
    writeError: (text) => void Deno.stderr.writeSync(encoder.encode(text)),
  };
}
