/** Wraps text in a colour, where the output is a terminal that wants one. */
export interface Colours {
  readonly strong: (text: string) => string;
  readonly quiet: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

/** Colours of standard output: none where it is piped or `NO_COLOR` is set (https://no-color.org). */
export function coloursOfOutput(): Colours {
  const isWanted = Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";
  const sgr = (code: number) => (text: string) => isWanted ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { strong: sgr(1), quiet: sgr(2), good: sgr(32), bad: sgr(31) };
}
