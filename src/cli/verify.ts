import { randomBytes } from "node:crypto";
import { parseCompactToken } from "../access/compact_token.ts";
import { DEVELOPMENT_SECRET_VARIABLE, withDevelopmentIssuer } from "../access/development_issuer.ts";
import { mintToken } from "../access/mint_token.ts";
import { parseDuration } from "../config/duration.ts";
import type { Config } from "../config/schema.ts";
import { parseGrant, parseScope, type Scope } from "../model/scope.ts";
import { type Command, EXIT_CODES, type FlagValues, runCommand, usageProblem } from "./command.ts";
import { loadFromFlags, printProblems } from "./config_flags.ts";
import { print, printable, printProblem } from "./print.ts";
import { gatewayURL, type Remote, REMOTE_FLAGS, remoteOf } from "./remote.ts";
import { type AuditPublisher, httpPublisher, sourcePublisher } from "./verify/audit_publisher.ts";
import { auditJSON, auditTable, isAllWell } from "./verify/audit_report.ts";
import { type AuditPlan, runAudit } from "./verify/run_audit.ts";

/** `tidegate verify`: resolves with the exit code. */
export async function verify(args: readonly string[]): Promise<number> {
  return await runCommand(VERIFY, args);
}

const FLAGS = {
  events: { value: "N", help: "How many events, 1 to 1000000. Default: 1000." },
  rate: { value: "N", help: "How many a second. Default: 100." },
  clients: { value: "N", help: "How many streams. Default: 4." },
  "cut-every": {
    value: "DURATION",
    help: "How long a stream lives on average before it is cut; 0s: no cuts. Default: 2s.",
  },
  seed: { value: "N", help: "Fixes when streams are cut. Default: a random one, which is printed." },
  "late-after": { value: "DURATION", help: "What comes later than this is late. Default: 5s." },
  wait: {
    value: "DURATION",
    help: "Longest wait for streams to open, an outage to end, the last events. Default: 30s.",
  },
  scope: { value: "SCOPE", help: "Whose events they are. Default: the user of the token." },
  "through-source": { value: "NAME", help: "Write straight to this Kafka or Redis source, not to the gateway." },
  json: { help: "Print the findings as JSON." },
  ...REMOTE_FLAGS,
} as const;

type Flags = FlagValues<typeof FLAGS>;

const VERIFY: Command<typeof FLAGS> = {
  name: "verify",
  usage: ["verify [flags]", "verify --token-file FILE [flags]"],
  about: [
    "Publishes numbered events through a running gateway, while clients cut their streams and come back as browsers do, and",
    "says what was lost, came twice, out of order or late. No other user sees them. Without --token-file it signs a token",
    "for a user of its own, where the configuration has an issuer's secret. Ctrl-C ends it with the findings so far.",
    "Exit code 0: every event came to every client once, in order, in time. 1: not so. 2: nothing could be found out.",
  ].join("\n"),
  flags: FLAGS,
  run: async (flags, [extra]) => {
    if (extra !== undefined) return usageProblem("verify", `${JSON.stringify(extra)} is no argument of it`);
    const numbers = readNumbers(flags);
    if (typeof numbers === "string") return usageProblem("verify", numbers);
    const loaded = loadFromFlags({ config: flags.config, set: flags.set, dev: false, port: undefined });
    if (loaded.kind === "problems") {
      printProblems(loaded);
      return IMPOSSIBLE;
    }
    const run = `tidegate-verify-${randomBytes(6).toString("hex")}`;
    const access = await accessOf(flags, loaded.config, run, numbers);
    if (access === undefined) return IMPOSSIBLE;
    return await audit({ run, ...access, ...numbers }, loaded.config, flags);
  },
};

/** Nothing could be found out. The shell's own code for a command that was called wrongly, so that 1 always is a finding. */
const IMPOSSIBLE = EXIT_CODES.usage;

/** Events times clients: what one process's ledger keeps in memory. */
const MAX_DELIVERIES = 10_000_000;
const MAX_CLIENTS = 1_000;

type Numbers = Omit<AuditPlan, "run" | "remote" | "scope">;

/** The flags' numbers, or what is wrong with them. */
function readNumbers(flags: Flags): Numbers | string {
  const problems: string[] = [];
  const whole = (name: "events" | "rate" | "clients" | "seed", most: number, standard: number) => {
    const text = flags[name];
    if (text === undefined) return standard;
    const isFine = /^\d{1,10}$/.test(text) && Number(text) <= most && (name === "seed" || Number(text) >= 1);
    if (!isFine) problems.push(`--${name} ${JSON.stringify(text)} is no whole number from 1 to ${most}`);
    return Number(text);
  };
  const duration = (name: "cut-every" | "late-after" | "wait", standard: string) => {
    const ms = parseDuration(flags[name] ?? standard);
    if (ms === undefined) {
      problems.push(`--${name} ${JSON.stringify(flags[name])} is no duration, such as 500ms, 2s, 1m`);
    }
    return ms ?? 0;
  };
  const numbers = {
    events: whole("events", 1_000_000, 1_000),
    ratePerSecond: whole("rate", 100_000, 100),
    clients: whole("clients", MAX_CLIENTS, 4),
    seed: whole("seed", 2 ** 32 - 1, randomBytes(4).readUInt32LE()),
    cutEveryMs: duration("cut-every", "2s"),
    lateAfterMs: duration("late-after", "5s"),
    waitMs: duration("wait", "30s"),
  };
  if (numbers.events * numbers.clients > MAX_DELIVERIES) {
    problems.push(`--events times --clients is more than ${MAX_DELIVERIES}`);
  }
  return problems[0] ?? numbers;
}

interface Access {
  readonly remote: Remote;
  readonly scope: Scope;
}

/** Who the audit is, and whose events it publishes. Says what is missing, and is `undefined` then. */
async function accessOf(flags: Flags, config: Config, run: string, numbers: Numbers): Promise<Access | undefined> {
  const remote = flags["token-file"] === undefined
    ? await ownRemote(flags, config, run, numbers)
    : await remoteOf(flags, "public");
  if (remote === undefined) return undefined;
  const subject = parseCompactToken(remote.headers.authorization?.slice("Bearer ".length) ?? "")?.payload.sub;
  const text = flags.scope ?? `user:${typeof subject === "string" ? subject : ""}`;
  const scope = parseScope(text);
  if (scope === undefined) {
    return told(`${JSON.stringify(text)} is no scope; name one with --scope, such as user:audit`);
  }
  if (flags.scope === undefined && !scope.startsWith(`user:${SUBJECT_PREFIX}`)) {
    return told(
      `the token speaks for ${JSON.stringify(subject)}, whose pages would get the events. Take a token whose subject ` +
        `begins with ${SUBJECT_PREFIX} (tidegate token mint --sub ${SUBJECT_PREFIX} --publish), or name the scope with --scope`,
    );
  }
  return { remote, scope };
}

const SUBJECT_PREFIX = "tidegate-verify";

/** With a token that lives as long as the audit may take. */
async function ownRemote(flags: Flags, config: Config, run: string, numbers: Numbers): Promise<Remote | undefined> {
  const secret = Deno.env.get(DEVELOPMENT_SECRET_VARIABLE);
  const auth = secret === undefined ? config.auth : withDevelopmentIssuer(config.auth, secret);
  const signers = auth.issuers.filter(({ keys }) => keys.some(({ kind }) => kind === "secret"));
  const [issuer] = signers;
  if (issuer === undefined || signers.length > 1) {
    const whose = issuer === undefined ? "no issuer has a secret" : "several issuers have a secret";
    return told(`${whose} in this configuration, so it cannot sign a token of its own; give one with --token-file`);
  }
  const grant = parseGrant(flags.scope ?? `user:${run}`);
  if (grant === undefined) return told(`--scope ${JSON.stringify(flags.scope)} is no scope, such as user:audit`);
  const lifetimeMs = 1_000 * numbers.events / numbers.ratePerSecond + 10 * numbers.waitMs + SPARE_LIFETIME_MS;
  const lives = Math.min(lifetimeMs, auth.maxTokenLifetimeMs ?? Infinity);
  const wish = { subject: run, grants: [grant], mayPublish: true, lifetimeMs: lives };
  const minted = await mintToken(wish, issuer, auth, Date.now());
  if (minted.kind !== "token") {
    return told(
      `no grant of the issuer yields ${grant}; auth.grants needs a template such as user:{sub}, or name --scope`,
    );
  }
  const url = gatewayURL(flags.url, config, "public");
  return url === undefined ? undefined : { url, headers: { authorization: `Bearer ${minted.text}` } };
}

const SPARE_LIFETIME_MS = 600_000;

async function audit(plan: AuditPlan, config: Config, flags: Flags): Promise<number> {
  const publisher = await publisherOf(plan, config, flags["through-source"]);
  if (publisher === undefined) return IMPOSSIBLE;
  await using _ = publisher;
  const stop = new AbortController();
  const onSignal = () => {
    // A second one ends the process at once, as if nobody listened.
    Deno.removeSignalListener("SIGINT", onSignal);
    stop.abort();
  };
  Deno.addSignalListener("SIGINT", onSignal);
  const outcome = await runAudit(plan, publisher, (text) => printProblem(printable(text)), stop.signal)
    .finally(() => Deno.removeSignalListener("SIGINT", onSignal));
  if (outcome.kind === "impossible") {
    told(outcome.reason);
    return IMPOSSIBLE;
  }
  const { audit } = outcome;
  print(flags.json ? auditJSON(audit, plan.run, plan.seed) : printable(auditTable(audit, plan.seed)));
  if (!isAllWell(audit)) return EXIT_CODES.problem;
  return audit.stoppedBy === undefined || stop.signal.aborted ? EXIT_CODES.ok : IMPOSSIBLE;
}

async function publisherOf(
  { remote, run, scope }: AuditPlan,
  config: Config,
  source: string | undefined,
): Promise<AuditPublisher | undefined> {
  if (source === undefined) return httpPublisher(remote, run, scope);
  const made = await sourcePublisher(config, source, run, scope);
  return made.kind === "publisher" ? made.publisher : told(made.reason);
}

function told(reason: string): undefined {
  printProblem(printable(`Cannot audit the gateway: ${reason}`));
  return undefined;
}
