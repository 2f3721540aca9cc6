// deno-lint-ignore-file no-console -- the command line's one way to the terminal

/** Writes what the command was asked for to standard output. */
export function print(text: string): void {
  console.log(text);
}

/** Writes problems to standard error, so that piped output stays clean. */
export function printProblem(text: string): void {
  console.error(text);
}

/** Text of others for a terminal: what would move its cursor, or hide, is shown as its code. Line ends stay. */
export function printable(text: string): string {
  return text.replace(/[[\p{Cc}\p{Cf}]--[\n]]/gv, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
