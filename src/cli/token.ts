import { parseCompactToken } from "../access/compact_token.ts";
import { DEVELOPMENT_SECRET_VARIABLE, withDevelopmentIssuer } from "../access/development_issuer.ts";
import { mintToken, type TokenWish } from "../access/mint_token.ts";
import type { Principal } from "../access/principal.ts";
import { createTokenVerifier } from "../access/token_verifier.ts";
import type { AuthConfig } from "../config/auth_schema.ts";
import { parseDuration } from "../config/duration.ts";
import { type Grant, parseGrant } from "../model/scope.ts";
import { type Command, didYouMean, EXIT_CODES, type FlagValues, runCommand, usageProblem } from "./command.ts";
import { CONFIG_FLAGS, loadFromFlags, printProblems } from "./config_flags.ts";
import { print, printable, printProblem } from "./print.ts";

/** `tidegate token mint|inspect`: resolves with the exit code. */
export async function token(args: readonly string[]): Promise<number> {
  return await runCommand(TOKEN, args);
}

const FLAGS = {
  sub: { value: "NAME", help: "mint: whom the token speaks for." },
  grant: {
    value: "GRANT",
    isRepeatable: true,
    help: "mint: what it may read beyond that, such as novel:7 or novel:*.",
  },
  publish: { help: "mint: with the permission events:publish." },
  session: { value: "NAME", help: "mint: its session." },
  claim: { value: "NAME=VALUE", isRepeatable: true, help: "mint: a further claim; VALUE as JSON, else as text." },
  ttl: { value: "DURATION", help: "mint: how long it lives, such as 30s, 15m. Default: 1h." },
  issuer: { value: "NAME", help: "mint: the issuer that signs, where several have a secret." },
  ...CONFIG_FLAGS,
  json: { help: "Print JSON." },
} as const;

type Flags = FlagValues<typeof FLAGS>;

const TOPICS = ["mint", "inspect"] as const;
const DEFAULT_LIFETIME = "1h";

const TOKEN: Command<typeof FLAGS> = {
  name: "token",
  usage: ["token mint --sub NAME [flags]", "token inspect [TOKEN] [flags]"],
  about: [
    "  mint     Makes a token that this configuration accepts, for development and tests. The issuer's secret stands",
    `           in the configuration; without one, in ${DEVELOPMENT_SECRET_VARIABLE}, which a gateway`,
    "           in development mode takes for its own.",
    "  inspect  Shows a token's header and claims, whether this configuration accepts it, and what it then grants.",
    "           Without TOKEN it is read from standard input, so that no shell history keeps it.",
  ].join("\n"),
  flags: FLAGS,
  run: async (flags, [topic, ...rest]) => {
    if (topic === undefined) return usageProblem("token", `it needs one of ${TOPICS.join(", ")}`);
    const known = TOPICS.find((candidate) => candidate === topic);
    if (known === undefined) {
      const meant = didYouMean(topic, TOPICS);
      return usageProblem("token", `${JSON.stringify(topic)} is none of ${TOPICS.join(", ")}${meant}`);
    }
    const extra = rest[known === "mint" ? 0 : 1];
    if (extra !== undefined) return usageProblem("token", `${JSON.stringify(extra)} is one argument too many`);
    const config = readAuth(flags);
    if (config === undefined) return EXIT_CODES.problem;
    return known === "mint" ? await mint(flags, config) : await inspect(rest[0], flags, config);
  },
};

async function mint(flags: Flags, config: AuthConfig): Promise<number> {
  const wish = readWish(flags);
  if ("problem" in wish) return usageProblem("token mint", wish.problem);
  const signers = config.issuers.filter(({ issuer, keys }) =>
    keys.some(({ kind }) => kind === "secret") && (flags.issuer === undefined || flags.issuer === issuer)
  );
  const [issuer] = signers;
  if (issuer === undefined) {
    const whose = flags.issuer === undefined ? "no issuer has a secret here" : "that issuer has no secret here";
    return problem(
      `Cannot sign a token: ${whose}. Set ${DEVELOPMENT_SECRET_VARIABLE} for a gateway in development mode`,
    );
  }
  if (signers.length > 1) {
    const names = signers.map((signer) => signer.issuer).join(", ");
    return usageProblem("token mint", `several issuers have a secret; name one with --issuer: ${names}`);
  }
  const minted = await mintToken(wish, issuer, config, Date.now());
  if (minted.kind === "no-secret") return problem(`Cannot sign a token: the issuer "${issuer.issuer}" has no secret`);
  if (minted.kind === "unreachable-grant") {
    const templates = (issuer.grants ?? config.grants).map(({ template }) => template.text).join(", ");
    return problem(`Cannot grant "${minted.grant}": none of the issuer's templates yields it: ${templates}`);
  }
  const outcome = await createTokenVerifier(config, Date.now)(minted.text);
  if (outcome.kind === "refused") return problem(`Cannot use such a token: ${outcome.code}. ${outcome.detail}`);
  // On standard error, so that $(tidegate token mint …) is the token alone.
  if (!flags.json) printProblem(summary(outcome.principal));
  print(flags.json ? JSON.stringify({ token: minted.text, principal: describe(outcome.principal) }) : minted.text);
  return EXIT_CODES.ok;
}

async function inspect(given: string | undefined, flags: Flags, config: AuthConfig): Promise<number> {
  const input = given === undefined || given === "-" ? await new Response(Deno.stdin.readable).text() : given;
  const text = input.trim().replace(/^bearer +/i, "");
  const read = parseCompactToken(text);
  const outcome = await createTokenVerifier(config, Date.now)(text);
  const exitCode = outcome.kind === "principal" ? EXIT_CODES.ok : EXIT_CODES.problem;
  if (flags.json) {
    const verdict = outcome.kind === "principal"
      ? { accepted: true, principal: describe(outcome.principal) }
      : { accepted: false, code: outcome.code, detail: outcome.detail };
    print(JSON.stringify({ ...verdict, header: read?.header ?? null, claims: read?.payload ?? null }));
    return exitCode;
  }
  if (read !== undefined) {
    print(printable(`header    ${JSON.stringify(read.header)}`));
    print(printable(`claims    ${JSON.stringify(read.payload, null, 2)}`));
  }
  print(
    outcome.kind === "principal"
      ? `accepted  ${summary(outcome.principal)}`
      : `refused   ${outcome.code}: ${outcome.detail}`,
  );
  return exitCode;
}

function readWish(
  { sub, grant, publish, session, claim, ttl = DEFAULT_LIFETIME }: Flags,
): TokenWish | { readonly problem: string } {
  if (sub === undefined || sub === "") return { problem: "it needs --sub NAME" };
  const lifetimeMs = parseDuration(ttl);
  if (lifetimeMs === undefined || lifetimeMs < 1_000) {
    return { problem: `--ttl ${JSON.stringify(ttl)} is no duration of a second or more, such as 30s, 15m, 1h` };
  }
  const grants: Grant[] = [];
  for (const text of grant) {
    const read = parseGrant(text);
    if (read === undefined) return { problem: `--grant ${JSON.stringify(text)} is none of global, kind:id, kind:*` };
    grants.push(read);
  }
  const claims: Record<string, unknown> = {};
  for (const text of claim) {
    const equals = text.indexOf("=");
    if (equals < 1) return { problem: `--claim ${JSON.stringify(text)} is not NAME=VALUE` };
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

/** The `auth` section, in which a development secret makes one more issuer. */
function readAuth(flags: Flags): AuthConfig | undefined {
  const loaded = loadFromFlags(flags);
  if (loaded.kind === "problems") {
    printProblems(loaded);
    return undefined;
  }
  const { auth } = loaded.config;
  const secret = Deno.env.get(DEVELOPMENT_SECRET_VARIABLE);
  return secret === undefined ? auth : withDevelopmentIssuer(auth, secret);
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

function problem(message: string): number {
  printProblem(printable(message));
  return EXIT_CODES.problem;
}
