/** Tells whether a field's name is one that must not leave unless a rule says `expose: sensitive`. */
export type SensitiveNames = (name: string) => boolean;

/** What must not leave unless somebody insists: credentials first, then how to reach or charge a person. */
export const DEFAULT_SENSITIVE_NAMES: readonly string[] = [
  "password",
  "passwd",
  "pwd",
  "passphrase",
  "secret",
  "token",
  "jwt",
  "bearer",
  "authorization",
  "cookie",
  "credential",
  "api_key",
  "apikey",
  "private_key",
  "privatekey",
  "otp",
  "cvv",
  "cvc",
  "card_number",
  "iban",
  "ssn",
  "email",
  "phone",
];

/** Longer names are sensitive by themselves: nobody needs them, and comparing must not cost much. */
const MAX_COMPARED_LENGTH = 256;
/** Verdicts are remembered for this many names; producers repeat a few, an attacker must not fill the memory. */
const MAX_REMEMBERED_NAMES = 4_096;
/** A listed name of at least this length is found anywhere in a name (`userpassword`); a shorter one only as a word. */
const MIN_INFIX_LENGTH = 8;

/**
 * A name is sensitive when one of its words, or several in a row joined, is listed: `accessToken`, `API-KEY` and
 * `user.api_key` are, `tokenizer` and `secretary` are not. Case, separators, invisible characters, width variants and
 * a plural `s` make no difference.
 */
export function createSensitiveNames(listed: readonly string[]): SensitiveNames {
  const joined = [...new Set(listed.map((name) => wordsOf(name).join("")))].filter((name) => name !== "");
  const verdicts = new Map<string, boolean>();
  return (name) => {
    const known = verdicts.get(name);
    if (known !== undefined) return known;
    if (name.length > MAX_COMPARED_LENGTH) return true;
    const verdict = isListed(wordsOf(name), joined);
    if (verdicts.size < MAX_REMEMBERED_NAMES) verdicts.set(name, verdict);
    return verdict;
  };
}

function isListed(words: readonly string[], joined: readonly string[]): boolean {
  const whole = words.join("");
  if (whole.length > MAX_COMPARED_LENGTH) return true;
  const isEdge = new Uint8Array(whole.length + 2);
  let edge = 0;
  for (const word of words) isEdge[edge += word.length] = 1;
  isEdge[0] = 1;
  return joined.some((name) => {
    for (let at = whole.indexOf(name); at !== -1; at = whole.indexOf(name, at + 1)) {
      if (name.length >= MIN_INFIX_LENGTH) return true;
      const end = at + name.length;
      if (isEdge[at] === 1 && (isEdge[end] === 1 || (whole[end] === "s" && isEdge[end + 1] === 1))) return true;
    }
    return false;
  });
}

/** `userID-Token2` → `user`, `id`, `token`, `2`. */
function wordsOf(name: string): readonly string[] {
  if (/^[a-z0-9_]*$/.test(name)) return name.match(/[a-z]+|[0-9]+/g) ?? [];
  return name.normalize("NFKD").replace(/[\p{Cf}\p{Mn}]/gu, "")
    .replace(/(\p{Ll})(?=\p{Lu})|(\p{Lu})(?=\p{Lu}\p{Ll})|(\p{L})(?=\p{N})|(\p{N})(?=\p{L})/gu, "$& ")
    .toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
}
