import type { ProjectFile } from "./offence.ts";

/** The names that stand in none of the documents in backticks: what users meet must be looked up somewhere. */
export function undocumented(names: Iterable<string>, documents: readonly ProjectFile[]): string[] {
  const documented = new Set(
    documents.flatMap((file) => [...file.text.matchAll(/`+([^`\n]+)`+/g)].map(([, name]) => name)),
  );
  return [...names].filter((name) => !documented.has(name));
}
