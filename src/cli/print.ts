// deno-lint-ignore-file no-console -- the command line's one way to the terminal

/** Writes what the command was asked for to standard output. */
export function print(text: string): void {
  console.log(text);
}

/** Writes problems to standard error, so that piped output stays clean. */
export function printProblem(text: string): void {
  console.error(text);
}
