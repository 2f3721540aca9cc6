import * as z from "zod";
import { isPrivateHost } from "./private_address.ts";
import { parseClaimPath } from "./claim_path.ts";
import { duration } from "./duration.ts";
import { type GrantTemplate, parseGrantTemplate } from "./grant_template.ts";
import { secret, secretFile } from "./secret.ts";
import { section } from "./section.ts";
import {
  ASYMMETRIC_ALGORITHMS,
  type AsymmetricAlgorithm,
  type PublicJwk,
  readPublicKey,
  type SecretAlgorithm,
  secretProblem,
} from "./verification_key.ts";

const asymmetricAlgorithm = z.enum(ASYMMETRIC_ALGORITHMS);
const claimName = z.string().transform(parsedBy(parseClaimPath));
const claimNameOf = (text: string) => claimName.prefault(text);
const grantTemplate = z.string().transform(parsedBy(parseGrantTemplate));

const conditionSchema = section({
  claim: claimName
    .describe("Where the claim stands, such as realm_access.roles[]."),
  is: z.string().min(1)
    .describe("The value, or one element of the list, that the claim must have exactly."),
});

const grantRule = z.union([
  grantTemplate.transform((template) => ({ template, when: undefined })),
  section({
    grant: grantTemplate
      .describe("What is granted: a template such as user:{sub}, a scope, or every scope of one kind, novel:*."),
    when: conditionSchema.exactOptional()
      .describe("The claim that a token must have for this grant."),
  }).transform(({ grant, when }) => ({ template: grant, when })),
], { error: "must be a template such as user:{sub}, or {grant, when: {claim, is}}" });

const publishTemplate = z.string().transform((text, context): PublishTemplate =>
  text === "*" ? { kind: "everywhere", text } : parsedBy(parseGrantTemplate)(text, context)
);

const publishRule = z.union([
  publishTemplate.transform((template) => ({ template, when: undefined })),
  section({
    scope: publishTemplate
      .describe("Where it may publish: a template such as novel:{novel_ids[]}, a scope, novel:*, or * for everywhere."),
    when: conditionSchema.exactOptional()
      .describe("The claim that a token must have to publish there."),
  }).transform(({ scope, when }) => ({ template: scope, when })),
], { error: 'must be a template such as novel:{novel_ids[]}, "*", or {scope, when: {claim, is}}' });

const MAX_RULES = 100;
const grantRules = z.array(grantRule).max(MAX_RULES);
const publishRules = z.array(publishRule).max(MAX_RULES);

const keySchema = section({
  algorithm: z.enum(["HS256", "HS384", "HS512", ...ASYMMETRIC_ALGORITHMS])
    .describe("The one algorithm that this key serves; a token's header never chooses another."),
  kid: z.string().min(1).max(256).exactOptional()
    .describe(
      "Name that a token's header selects this key by. Without it the key is tried for every token of the issuer.",
    ),
  publicKey: z.string().exactOptional()
    .describe("Public key as PEM (-----BEGIN PUBLIC KEY-----)."),
  jwk: z.record(z.string(), z.unknown()).exactOptional()
    .describe("Public key as a JWK."),
  secret: secret().exactOptional()
    .describe("Secret of the HS algorithms: random, and as many bytes as the hash has at least."),
  secretFile: secretFile().exactOptional()
    .describe("File that holds the secret."),
}).transform(onePinnedKey);

const jwksSchema = section({
  url: z.string().refine((text) => URL.canParse(text) && isFetchable(new URL(text)), {
    error: "must be an http(s) URL without user, password and fragment",
  })
    .describe("Where the issuer publishes its key set. Fixed here; nothing in a token changes it."),
  algorithms: z.array(asymmetricAlgorithm).min(1).default(["RS256", "ES256", "EdDSA"])
    .describe("Algorithms that the set's keys may serve; public ones only."),
  cooldown: duration("1s", "1h").prefault("30s")
    .describe("Shortest time between two fetches, failed ones included, however many unknown key names come."),
  maxAge: duration("10s", "24h").prefault("10m")
    .describe("Age at which the set is fetched anew in the background, while its keys go on working."),
  maxStale: duration("1m", "30d").prefault("24h")
    .describe("How long the last set is used while the issuer cannot be reached; then its tokens are refused."),
  timeout: duration("100ms", "1m").prefault("5s")
    .describe("Longest wait for the key set."),
  allowHttp: z.boolean().default(false)
    .describe("Accept http://, where anybody on the way can put in a key of his own. For tests."),
  allowPrivateAddresses: z.boolean().default(false)
    .describe("Accept a host on a loopback, link-local or private network."),
}).superRefine(({ url, allowHttp, allowPrivateAddresses }, context) => {
  const { protocol, hostname } = new URL(url);
  if (protocol === "http:" && !allowHttp) {
    context.addIssue({ code: "custom", path: ["url"], message: "must be https://, or set allowHttp: true" });
  }
  if (isPrivateHost(hostname) && !allowPrivateAddresses) {
    context.addIssue({
      code: "custom",
      path: ["url"],
      message: "must not be a private address, or set allowPrivateAddresses: true",
    });
  }
});

/** One issuer, as written. */
export const issuerSchema = section({
  issuer: z.string().min(1).max(512)
    .describe("The `iss` that its tokens have, exactly."),
  audience: z.array(z.string().min(1).max(512)).min(1).max(16).exactOptional()
    .describe(
      "Values of which a token's `aud` must name one. Set it wherever the issuer also signs for other services.",
    ),
  type: z.string().min(1).max(128).exactOptional()
    .describe(
      "The `typ` that a token's header must have, such as at+jwt, so that ID tokens do not pass for access tokens.",
    ),
  secret: secret().exactOptional()
    .describe("HS256 secret of at least 32 random bytes: the short form of one entry in `keys`."),
  secretFile: secretFile().exactOptional()
    .describe("File that holds the HS256 secret."),
  keys: z.array(keySchema).max(32).default([])
    .describe(
      "Keys that are known in advance. Several serve a rotation: the new one is added before the old one goes.",
    ),
  jwks: jwksSchema.exactOptional()
    .describe("The issuer's key set, fetched and kept fresh."),
  grants: grantRules.exactOptional()
    .describe("Grants of this issuer's tokens, in place of `auth.grants`."),
  publish: publishRules.exactOptional()
    .describe("Where this issuer's tokens may publish, in place of `auth.publish`."),
}).transform(({ secret, keys, ...issuer }, context) => {
  const problem = secret === undefined ? undefined : secretProblem(secret, "HS256");
  if (problem !== undefined) context.addIssue({ code: "custom", path: ["secret"], message: problem });
  if (secret === undefined && keys.length === 0 && issuer.jwks === undefined) {
    context.addIssue({ code: "custom", message: "must have a key: secret, secretFile, keys or jwks" });
  }
  const own: readonly PinnedKey[] = secret === undefined ? [] : [{ kind: "secret", algorithm: "HS256", secret }];
  return { ...issuer, keys: [...own, ...keys] };
});

/** `auth`: whose tokens are believed, by which carriers they come, and what their claims grant. */
export const authSchema = section({
  issuers: z.array(issuerSchema).max(32).default([])
    .refine((issuers) => new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length, {
      error: "must not name one issuer twice",
    })
    .describe("Who signs tokens. Each issuer's keys verify that issuer's tokens and no other's."),
  clockSkew: duration("0s", "60s").prefault("60s")
    .describe(
      "How far an issuer's clock may be ahead: tolerance of `nbf` and `iat`. `exp` has none, a stream ends on it.",
    ),
  maxTokenLifetime: duration("1s", "3650d").exactOptional()
    .describe(
      "Longest time from `iat` to `exp`; a token that lives longer, or has no `iat`, is refused. Without it: any.",
    ),
  claims: section({
    subject: claimNameOf("sub")
      .describe("Claim that says whom the token speaks for."),
    session: claimNameOf("sid")
      .describe("Claim that names the session, so that all its streams can be revoked."),
    permissions: claimNameOf("permissions")
      .describe("Claim that lists permissions, as a list or as text with spaces: `events:publish`."),
  }).prefault({}),
  grants: grantRules.prefault(["global", "user:{sub}", "session:{sid}"])
    .describe(
      "What a token's holder may read. A claim that is missing, empty or of another type grants nothing, and no claim's value grants a wildcard.",
    ),
  publish: publishRules.prefault([])
    .describe(
      'Where a token with `events:publish` may publish. Empty: nowhere. `"*"` for a backend that may publish everywhere.',
    ),
  maxGrants: z.int().min(1).max(10_000).default(512)
    .describe(
      "Most grants, or publish targets, of one token; one with more is refused, for half of them would be a guess.",
    ),
  cookie: section({
    name: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, { error: "must be a cookie's name" })
      .describe("Name of the HttpOnly cookie that carries the token, best with the prefix __Host-."),
  }).exactOptional()
    .describe("Accept a token from a cookie. Only from the same origin, and from `server.corsOrigins`."),
  tickets: section({
    lifetime: duration("1s", "5m").prefault("30s")
      .describe("How long a ticket can be used to open a stream."),
    secret: secret().exactOptional()
      .describe(
        "Secret that all nodes share, so that one takes another's tickets. Without it: derived from the first issuer's secret, and where there is none, random for this process.",
      ),
    secretFile: secretFile().exactOptional()
      .describe("File that holds the secret."),
    maxRedeemed: z.int().min(1).max(10_000_000).default(100_000)
      .describe("Most used tickets remembered until they expire; beyond, tickets are refused for that long."),
  }).superRefine(({ secret }, context) => {
    const problem = secret === undefined ? undefined : secretProblem(secret, "HS256");
    if (problem !== undefined) context.addIssue({ code: "custom", path: ["secret"], message: problem });
  }).prefault({})
    .describe("One-time tickets in the URL, for an EventSource that can send neither header nor cookie."),
  maxRevocations: z.int().min(1).max(10_000_000).default(100_000)
    .describe("Most revocations held at once; a further one is refused aloud, none is forgotten early."),
  maxVerifiedTokens: z.int().min(1).max(1_000_000).default(10_000)
    .describe("Most verified tokens remembered, so that a busy publisher's token is verified once in 5 minutes."),
  insecure: section({
    allowTokenInUrl: z.boolean().default(false)
      .describe("Accept a JWT as `?access_token=`. URLs are kept by logs, proxies and histories."),
  }).prefault({})
    .describe("Settings that give up a protection."),
});

/** The `auth` section, parsed. */
export type AuthConfig = z.output<typeof authSchema>;
/** One configured issuer. */
export type IssuerConfig = AuthConfig["issuers"][number];
/** The `jwks` block of an issuer. */
export type JwksConfig = z.output<typeof jwksSchema>;
/** A template and the claim that it depends on. */
export type GrantRule = z.output<typeof grantRule>;
/** As {@link GrantRule}, for publishing. */
export type PublishRule = z.output<typeof publishRule>;
/** A {@link GrantTemplate}, or `*`. */
export type PublishTemplate = GrantTemplate | { readonly kind: "everywhere"; readonly text: string };
/** A claim and the value that it must have. */
export type ClaimCondition = z.output<typeof conditionSchema>;

/** A key and the one algorithm that it serves. */
export type PinnedKey =
  & { readonly kid?: string }
  & (
    | { readonly kind: "secret"; readonly algorithm: SecretAlgorithm; readonly secret: string }
    | { readonly kind: "public"; readonly algorithm: AsymmetricAlgorithm; readonly jwk: PublicJwk }
  );

function onePinnedKey(entry: KeyEntry, context: z.RefinementCtx): PinnedKey {
  const { algorithm, publicKey, jwk } = entry;
  const kid = entry.kid ?? (typeof jwk?.kid === "string" ? jwk.kid : undefined);
  const named = kid === undefined ? {} : { kid };
  const refuse = (message: string, ...path: string[]): never => {
    context.addIssue({ code: "custom", path, message });
    return z.NEVER;
  };
  if ([publicKey, jwk, entry.secret].filter((given) => given !== undefined).length !== 1) {
    return refuse("must have exactly one of publicKey, jwk, secret, secretFile");
  }
  if (algorithm === "HS256" || algorithm === "HS384" || algorithm === "HS512") {
    if (entry.secret === undefined) return refuse(`must have a secret, for ${algorithm} is its algorithm`);
    const problem = secretProblem(entry.secret, algorithm);
    return problem === undefined
      ? { ...named, kind: "secret", algorithm, secret: entry.secret }
      : refuse(problem, "secret");
  }
  const key = publicKey ?? jwk;
  if (key === undefined) return refuse(`must have a public key, for ${algorithm} is its algorithm`);
  const read = readPublicKey(key, algorithm);
  return "problem" in read
    ? refuse(`the key ${read.problem}`, publicKey === undefined ? "jwk" : "publicKey")
    : { ...named, kind: "public", algorithm, jwk: read };
}

interface KeyEntry {
  readonly algorithm: SecretAlgorithm | AsymmetricAlgorithm;
  readonly kid?: string;
  readonly publicKey?: string;
  readonly jwk?: Record<string, unknown>;
  readonly secret?: string;
}

/** Makes a zod transform of a parser that gives a problem instead of throwing. */
function parsedBy<Parsed extends object>(parse: (text: string) => Parsed | { readonly problem: string }) {
  return (text: string, context: z.RefinementCtx): Parsed => {
    const parsed = parse(text);
    if (!("problem" in parsed)) return parsed as Parsed;
    context.addIssue({ code: "custom", message: `${JSON.stringify(text)} ${String(parsed.problem)}` });
    return z.NEVER;
  };
}

function isFetchable(url: URL): boolean {
  return /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" && url.hash === "";
}
