import { type Grant, MAX_SCOPE_LENGTH, parseGrant } from "../model/scope.ts";
import { type ClaimPath, parseClaimPath } from "./claim_path.ts";
import type { SyntaxProblem } from "./mapping_template.ts";

/**
 * How a token's claims become grants.
 *
 *     global, novel:*          as written: the one place where a wildcard can come from
 *     user:{sub}               the kind is the template's, the id the claim's
 *     novel:{novel_ids[]}      one grant for each element
 *     {scopes[]}               each element is a whole scope, written by the issuer
 */
export type GrantTemplate =
  | { readonly kind: "literal"; readonly text: string; readonly grant: Grant }
  /** `prefix` holds the scope's kind and colon, or is empty for a whole scope. */
  | { readonly kind: "claim"; readonly text: string; readonly prefix: string; readonly path: ClaimPath };

const PREFIX = /^(?:[a-z][a-z0-9_-]{0,31}:[^{}*,\s]*)?$/;

/** Reads a template; a {@link SyntaxProblem} completes a sentence that starts with the text. */
export function parseGrantTemplate(text: string): GrantTemplate | SyntaxProblem {
  const brace = text.indexOf("{");
  if (brace === -1) {
    const grant = parseGrant(text);
    return grant === undefined
      ? { problem: "is no grant; write global, kind:id, kind:* or a template such as user:{sub}" }
      : { kind: "literal", text, grant };
  }
  const prefix = text.slice(0, brace);
  if (!text.endsWith("}") || prefix.length > MAX_SCOPE_LENGTH) {
    return { problem: "must end with its one claim, such as user:{sub}" };
  }
  if (!PREFIX.test(prefix)) return { problem: "must begin with its kind, such as user:{sub}, or be {claim} alone" };
  const path = parseClaimPath(text.slice(brace + 1, -1));
  if ("problem" in path) return { problem: `holds ${text.slice(brace)}, which ${path.problem}` };
  return { kind: "claim", text, prefix, path };
}
