import { isEventPattern } from "../model/event_name.ts";
import type { ErrorCode } from "../model/error_code.ts";
import { type Grant, grantsAllow, parseScope, type Scope } from "../model/scope.ts";

/** What one connection asked for: scopes × event patterns. */
export interface Subscription {
  /** At least one, each granted, none twice. */
  readonly scopes: readonly Scope[];
  /** Those that were named; `undefined` for all that is granted without a wildcard. */
  readonly asked?: readonly Scope[];
  /** Exact names or `domain.*`, sorted, none twice; empty for all events. */
  readonly patterns: readonly string[];
}

/** Limits of what one connection may ask for. */
export interface SubscriptionLimits {
  readonly maxScopes: number;
  readonly maxEventPatterns: number;
}

/** A subscription, or the refusal that the request is answered with. */
export type ParsedSubscription =
  | { readonly kind: "subscription"; readonly subscription: Subscription }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

/**
 * Reads `?scope=` and `?event=`, each repeatable or comma-separated. No scope asks for all that is granted without a
 * wildcard.
 */
export function parseSubscription(
  query: URLSearchParams,
  grants: ReadonlySet<Grant>,
  limits: SubscriptionLimits,
): ParsedSubscription {
  const patterns = listOf(query, "event");
  if (patterns.length > limits.maxEventPatterns) {
    return tooMany("event patterns", patterns.length, limits.maxEventPatterns);
  }
  const strange = patterns.find((pattern) => !isEventPattern(pattern));
  if (strange !== undefined) {
    const detail = `${
      quote(strange)
    } is neither an event's name, such as task.progress-updated, nor a pattern, such as task.*`;
    return { kind: "refused", code: "invalid-event-name", detail };
  }
  const asked = listOf(query, "scope");
  const scopes: Scope[] = [];
  for (const text of asked.length === 0 ? grantedScopes(grants) : asked) {
    const scope = parseScope(text);
    if (scope === undefined) {
      return {
        kind: "refused",
        code: "invalid-scope",
        detail: `${quote(text)} is no scope: global, or kind:id such as user:42`,
      };
    }
    if (!grantsAllow(grants, scope)) {
      return { kind: "refused", code: "scope-not-granted", detail: `The token does not grant ${quote(scope)}` };
    }
    scopes.push(scope);
  }
  if (scopes.length > limits.maxScopes) return tooMany("scopes", scopes.length, limits.maxScopes);
  if (scopes.length === 0) {
    return {
      kind: "refused",
      code: "scope-not-granted",
      detail: "The token grants no scope without a wildcard; name one in ?scope=",
    };
  }
  const named = asked.length === 0 ? {} : { asked: scopes };
  return { kind: "subscription", subscription: { scopes, patterns: patterns.sort(), ...named } };
}

/** What a connection reads from here on, when its grants have changed; no scope when none of them is left. */
export function renewSubscription(
  subscription: Subscription,
  grants: ReadonlySet<Grant>,
  limits: SubscriptionLimits,
): ParsedSubscription {
  const wanted = subscription.asked ?? grantedScopes(grants).flatMap((text) => parseScope(text) ?? []);
  const scopes = wanted.filter((scope) => grantsAllow(grants, scope));
  if (scopes.length > limits.maxScopes) return tooMany("scopes", scopes.length, limits.maxScopes);
  return { kind: "subscription", subscription: { ...subscription, scopes } };
}

/** The values of a parameter, split at commas, without empty and repeated ones. */
function listOf(query: URLSearchParams, name: string): string[] {
  return [...new Set(query.getAll(name).flatMap((value) => value.split(",")))].filter((value) => value !== "");
}

function grantedScopes(grants: ReadonlySet<Grant>): string[] {
  return [...grants].filter((grant) => !grant.endsWith(":*"));
}

function tooMany(what: string, count: number, limit: number): ParsedSubscription {
  return {
    kind: "refused",
    code: "invalid-request",
    detail: `${count} ${what} are more than the ${limit} of one stream`,
  };
}

/** Input as it may stand in an answer: JSON text, cut. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
