import type { GrantRule, PublishRule } from "../config/auth_schema.ts";
import type { ClaimPath } from "../config/claim_path.ts";
import type { GrantTemplate } from "../config/grant_template.ts";
import { type Grant, parseScope } from "../model/scope.ts";
import { claimValues, meetsCondition } from "./claim_values.ts";
import { type Permission, PERMISSIONS, type PublishTargets } from "./principal.ts";
import type { JsonObject } from "./strict_json.ts";

/** The grants that a token's claims yield; `undefined` when there are more than `maxGrants`. */
export function claimedGrants(
  rules: readonly GrantRule[],
  payload: JsonObject,
  maxGrants: number,
): ReadonlySet<Grant> | undefined {
  const grants = new Set<Grant>();
  for (const { template, when } of rules) {
    if (when !== undefined && !meetsCondition(payload, when)) continue;
    if (!addGrants(grants, template, payload, maxGrants)) return undefined;
  }
  return grants;
}

/** Where the claims let a token publish; `undefined` when there are more than `maxGrants` targets. */
export function claimedPublishTargets(
  rules: readonly PublishRule[],
  payload: JsonObject,
  maxGrants: number,
): PublishTargets | undefined {
  const grants = new Set<Grant>();
  let everywhere = false;
  for (const { template, when } of rules) {
    if (when !== undefined && !meetsCondition(payload, when)) continue;
    if (template.kind === "everywhere") everywhere = true;
    else if (!addGrants(grants, template, payload, maxGrants)) return undefined;
  }
  return { everywhere, grants };
}

/** The permissions that the claim lists: a list of texts, or one text with spaces between (as OAuth's `scope`). */
export function claimedPermissions(path: ClaimPath, payload: JsonObject): ReadonlySet<Permission> {
  const values = claimValues(payload, path).flatMap((value) =>
    typeof value === "string" ? value.split(" ") : Array.isArray(value) ? value : []
  );
  return new Set(PERMISSIONS.filter((permission) => values.includes(permission)));
}

/** Adds what one template yields; false when that exceeds the limit. */
function addGrants(grants: Set<Grant>, template: GrantTemplate, payload: JsonObject, maxGrants: number): boolean {
  if (template.kind === "literal") {
    grants.add(template.grant);
  } else {
    for (const value of claimValues(payload, template.path)) {
      const id = identifierOf(value);
      // Only a scope, never `kind:*`: a wildcard cannot come from a claim's value.
      const scope = id === undefined ? undefined : parseScope(template.prefix + id);
      // A scope is a grant of itself (scope.ts); the two brands only keep wildcards out of addresses.
      if (scope !== undefined) grants.add(scope as string as Grant);
      if (grants.size > maxGrants) return false;
    }
  }
  return grants.size <= maxGrants;
}

/**
 * The text of an identifier: a string, or a positive integer that is exact. Zero is none: it is what many languages
 * write for an identifier that was never set. Larger numbers lost digits when they were parsed and name somebody else.
 */
function identifierOf(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? String(value) : undefined;
}
