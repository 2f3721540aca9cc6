/**
 * The address of a message: `global`, or `kind:id` such as `user:42`, `novel:7`, `session:s1`.
 *
 * A scope is text that has passed {@link parseScope}: it is safe in a frame, a log line and a map's key.
 */
export type Scope = string & { readonly [scopeBrand]: true };

/**
 * What a principal may read: a scope, or every scope of one kind written `kind:*`. Text that has passed
 * {@link parseGrant}.
 */
export type Grant = string & { readonly [grantBrand]: true };

declare const scopeBrand: unique symbol;
declare const grantBrand: unique symbol;

/** Longest scope in UTF-16 code units; longer ones are refused, not cut. */
export const MAX_SCOPE_LENGTH = 255;

const KIND = /^[a-z][a-z0-9_-]{0,31}$/;
/** Anything invisible, spacing or separating (categories C and Z), and the characters that our own syntax uses. */
const FORBIDDEN_IN_ID = /[\p{C}\p{Z},*]/u;

/** Reads a scope; `undefined` when the text is not one. Case and normal form are kept: ids are compared exactly. */
export function parseScope(text: string): Scope | undefined {
  if (text === "global") return text as Scope;
  if (text.length > MAX_SCOPE_LENGTH) return undefined;
  const colon = text.indexOf(":");
  if (colon < 1 || !KIND.test(text.slice(0, colon))) return undefined;
  const id = text.slice(colon + 1);
  return id !== "" && !FORBIDDEN_IN_ID.test(id) && id.isWellFormed() ? text as Scope : undefined;
}

/** Reads a grant: a scope or `kind:*`; `undefined` when the text is neither. There is no `*:*`. */
export function parseGrant(text: string): Grant | undefined {
  if (text.endsWith(":*") && KIND.test(text.slice(0, -2))) return text as Grant;
  return parseScope(text) as Grant | undefined;
}

/** Whether these grants let their principal read the scope, by its exact text or by its kind's wildcard. */
export function grantsAllow(grants: ReadonlySet<Grant>, scope: Scope): boolean {
  if (grants.has(scope as string as Grant)) return true;
  const colon = scope.indexOf(":");
  return colon > 0 && grants.has(`${scope.slice(0, colon)}:*` as Grant);
}
