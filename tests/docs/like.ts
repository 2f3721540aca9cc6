/**
 * Finds what a document shows in what a program printed: numbers, times, the ends of ids and the white space differ from
 * run to run, and `…` stands for the rest of a word and anything more on its line.
 */
export function like(shown: string): RegExp {
  const parts = shown.trim().split(/([\w.-]*…|\d+|~[\w-]+|\s+)/);
  return new RegExp(parts.map((part, index) => index % 2 === 0 ? RegExp.escape(part) : loose(part)).join(""));
}

function loose(part: string): string {
  if (part.endsWith("…")) return ".*";
  if (part.startsWith("~")) return "~[\\w-]+";
  return /^\d/.test(part) ? "\\d+" : "\\s*";
}
