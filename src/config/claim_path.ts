import type { SyntaxProblem } from "./mapping_template.ts";

/**
 * Where a claim stands in a token's payload. A path only names a member; nothing in it is evaluated.
 *
 *     sub                                 a member of the payload
 *     realm_access.roles[]                each element of a nested array
 *     memberships[].novel_id              one member of each element
 *     "https://example.com/novels"[]      a name that holds dots, in double quotes
 */
export interface ClaimPath {
  readonly text: string;
  /** Names from the outside in. */
  readonly segments: readonly string[];
  /** After how many segments an array is expanded; `undefined` when none is. */
  readonly expandAfter: number | undefined;
}

/** Deeper paths are refused; no issuer nests its claims like that. */
const MAX_SEGMENTS = 8;
const SEGMENT = /^(?:([A-Za-z0-9_$:@/-]{1,128})|"([^"\p{C}]{1,128})")(\[\])?(?:\.(?!$)|$)/u;

/** Reads a path; a {@link SyntaxProblem} completes a sentence that starts with the text. */
export function parseClaimPath(text: string): ClaimPath | SyntaxProblem {
  const segments: string[] = [];
  let expandAfter: number | undefined;
  let rest = text;
  while (rest !== "") {
    const [whole, bare, quoted, expands] = SEGMENT.exec(rest) ?? [];
    const name = bare ?? quoted;
    if (whole === undefined || name === undefined) {
      return { problem: "is not a claim's path such as realm_access.roles[]" };
    }
    if (name === "__proto__") return { problem: "names __proto__, which no path may read" };
    segments.push(name);
    if (segments.length > MAX_SEGMENTS) return { problem: `has more than ${MAX_SEGMENTS} segments` };
    if (expands !== undefined) {
      if (expandAfter !== undefined) return { problem: "expands more than one array" };
      expandAfter = segments.length;
    }
    rest = rest.slice(whole.length);
  }
  return segments.length === 0 ? { problem: "is empty" } : { text, segments, expandAfter };
}
