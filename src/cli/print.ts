// deno-lint-ignore-file no-console -- the command line's one way to the terminal

/** Of a program that ends because nobody reads any more what it prints: 128 and the number of SIGPIPE. */
const READER_GONE = 141;

/** Writes what the command was asked for to standard output, and ends the process when its reader is gone, as `head` is. */
export function print(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  try {
    for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(READER_GONE);
    throw error;
  }
}

/** Writes problems to standard error, so that piped output stays clean. */
export function printProblem(text: string): void {
  console.error(text);
}

/** Text of others for a terminal: what would move its cursor, or hide, is shown as its code. Line ends stay. */
export function printable(text: string): string {
  return text.replace(/[[\p{Cc}\p{Cf}]--[\n]]/gv, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
