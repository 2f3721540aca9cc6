/** A JSON object as it was parsed: own members only, nothing inherited is meant. */
export interface JsonObject {
  readonly [member: string]: unknown;
}

/** Deeper nesting is refused: no token needs it, and the walk below never recurses further. */
const MAX_DEPTH = 32;

/**
 * Parses a JSON object and refuses what two parsers could read differently: a member given twice (RFC 7515, 4 and
 * RFC 7519, 4 leave the choice; we refuse), a byte order mark, anything but an object at the top. `undefined` then.
 */
export function parseStrictJsonObject(text: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return hasUniqueMembers(text) ? value as JsonObject : undefined;
}

/** Whether no object in the text names a member twice. The text is known to be JSON, so only its shape is walked. */
function hasUniqueMembers(text: string): boolean {
  /** The member names of each open object; `null` for an open array. */
  const open: (Set<string> | null)[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]/gs;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [piece] = match;
    if (piece === "{" || piece === "[") {
      if (open.push(piece === "{" ? new Set() : null) > MAX_DEPTH) return false;
    } else if (piece === "}" || piece === "]") {
      open.pop();
    } else if (isMemberName(text, token.lastIndex)) {
      const members = open.at(-1);
      // Compared after unescaping: "s\u0075b" is "sub".
      const name = String(JSON.parse(piece));
      if (members?.has(name)) return false;
      members?.add(name);
    }
  }
  return true;
}

function isMemberName(text: string, after: number): boolean {
  let at = after;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at++;
  return text[at] === ":";
}
