import type { Revocation, RevocationTarget } from "../../access/revocations.ts";
import { parseDuration } from "../../config/duration.ts";

/** By what of a token somebody is meant. */
export type ShutOutKind = RevocationTarget["kind"];

/** Longest time: beyond it a token's issuer is the one to ask. */
const MAX_MS = 3_650 * 86_400_000;
/** As in a token: visible text of at most 255 characters. Anything else names nobody. */
const IDENTIFIER = /^[^\p{C}]{1,255}$/u;

/**
 * Reads who is to be shut out: `{"subject": "42", "issuer": "…", "for": "1h", "issuedBefore": "2026-11-24T04:00:00Z"}`,
 * with exactly one of the kinds. Anything else is refused: whoever is shut out by a slip is the wrong one.
 *
 * @param defaultMs how long, when it is not said; `undefined` when it must be
 * @returns a text that says what is wrong
 */
export function readShutOutWish(
  value: unknown,
  kinds: readonly ShutOutKind[],
  defaultMs: number | undefined,
  nowMs: number,
): Revocation | string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "Send an object";
  // A parsed JSON object has only string keys; each member is checked below.
  const given = value as Readonly<Record<string, unknown>>;
  const allowed = [...kinds, "issuer", "for", "issuedBefore"];
  const unknown = Object.keys(given).find((name) => !allowed.includes(name));
  if (unknown !== undefined) {
    return `${JSON.stringify(unknown.slice(0, 64))} is not one of ${allowed.join(", ")}`;
  }
  const named = kinds.filter((kind) => given[kind] !== undefined);
  const [kind] = named;
  if (kind === undefined || named.length > 1) return `Give exactly one of ${kinds.join(", ")}`;
  const id = given[kind];
  if (!isIdentifier(id)) return `\`${kind}\` must be visible text of 1 to 255 characters`;
  const { issuer, issuedBefore } = given;
  if (issuer !== undefined && !isIdentifier(issuer)) return "`issuer` must be visible text of 1 to 255 characters";
  const forMs = given.for === undefined
    ? defaultMs
    : typeof given.for === "string"
    ? parseDuration(given.for)
    : undefined;
  if (forMs === undefined || forMs <= 0 || forMs > MAX_MS) return "`for` must be a duration such as 15m, 12h, 7d";
  const issuedBeforeMs = issuedBefore === undefined ? undefined : timeOf(issuedBefore, nowMs);
  if (issuedBefore !== undefined && issuedBeforeMs === undefined) {
    return "`issuedBefore` must be a time such as 2026-11-24T04:00:00Z, or now";
  }
  return {
    target: { kind, id, ...(issuer === undefined ? {} : { issuer }) },
    terms: { untilMs: nowMs + forMs, ...(issuedBeforeMs === undefined ? {} : { issuedBeforeMs }) },
  };
}

function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && IDENTIFIER.test(value);
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function timeOf(value: unknown, nowMs: number): number | undefined {
  if (value === "now") return nowMs;
  const ms = typeof value === "string" && TIME.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
