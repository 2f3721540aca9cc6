import type { ProjectFile } from "./offence.ts";

/**
 * The names that stand in none of the documents in backticks, alone or as a word of a path (`streams.maxTotal`): what users meet
 * must be looked up somewhere.
 */
export function undocumented(names: Iterable<string>, documents: readonly ProjectFile[]): string[] {
  const documented = new Set<string>();
  for (const { text } of documents) {
    for (const [, quoted = ""] of text.matchAll(/`([^`\n]+)`/g)) {
      for (const [word] of quoted.matchAll(/[\w-]+/g)) documented.add(word);
    }
  }
  return [...names].filter((name) => !documented.has(name));
}
