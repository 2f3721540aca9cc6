import type { Offence, ProjectFile } from "./offence.ts";

/** A pattern that may not stand in any file, and what to do about it. */
const BANNED: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/\b(TODO|FIXME|XXX|HACK)\b/, "do it now, or write an issue"],
  [/\bhack(s|y|ish)?\b/i, "say what it does and why"],
  [/\b(for now|temporarily|quick fix|workaround for now)\b/i, "say what is true, not what will be"],
  [/(^|[\s"'`(=:])\/(work|root|home\/\w+|Users\/\w+)\//, "a path of one machine: make it relative"],
  [/\b(ChatGPT|Claude|Copilot|LLM)\b/, "how a file came about is not for the file to say"],
];

/** Lines of any text file, code or document, with words that a finished project does not hold. */
export function wordOffences(file: ProjectFile): Offence[] {
  return file.text.split("\n").flatMap((text, index) =>
    BANNED.flatMap(([pattern, remedy]) => {
      const word = pattern.exec(text)?.[0].trim();
      return word === undefined ? [] : [{ path: file.path, line: index + 1, message: `"${word}": ${remedy}` }];
    })
  );
}
