/** A text file of the project; its path is relative to the project's folder and has forward slashes. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

/** A place where a file breaks a rule of the house. */
export interface Offence {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** What is wrong there, and what would be right. */
  readonly message: string;
}

/** `src/a.ts:12: message`, so that an editor can go there. */
export function offenceText(offence: Offence): string {
  return `${offence.path}:${offence.line}: ${offence.message}`;
}

/** The line, from 1, of the character at an index of a text. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
