import type { ClaimCondition } from "../config/auth_schema.ts";
import type { ClaimPath } from "../config/claim_path.ts";
import type { JsonObject } from "./strict_json.ts";

/**
 * What stands at a claim's path: one value, with `[]` each element, nothing where a member is missing or of another
 * type than the path says. A single value is never taken for a list, nor a list for a value.
 */
export function claimValues(payload: JsonObject, path: ClaimPath): readonly unknown[] {
  let values: readonly unknown[] = [payload];
  for (const [index, segment] of path.segments.entries()) {
    values = values.flatMap((value) => member(value, segment));
    if (path.expandAfter === index + 1) {
      const [list] = values;
      values = Array.isArray(list) ? list : [];
    }
  }
  return values;
}

/** Whether a token has the claim with exactly this text, alone or as an element of a list. */
export function meetsCondition(payload: JsonObject, condition: ClaimCondition): boolean {
  return claimValues(payload, condition.claim).some((value) =>
    value === condition.is || (Array.isArray(value) && value.includes(condition.is))
  );
}

function member(value: unknown, name: string): readonly unknown[] {
  // `hasOwn`: `constructor` and its like are no claims.
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? [(value as JsonObject)[name]]
    : [];
}
