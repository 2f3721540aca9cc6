export interface TestSummary {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

// deno-lint-ignore no-control-regex -- the colours are control characters
const COLOUR = /\x1b\[[0-9;]*m/g;
const SUMMARY_LINE =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/;

/**
 * The counts of the line with which `deno test` ends; null when it printed none (types, a syntax error). The last such line is
 * Deno's own, whatever the tests printed. The JUnit report would not do: it leaves out test files that throw while they load.
 */
export function testSummary(output: string): TestSummary | null {
  for (const line of output.replaceAll(COLOUR, "").split("\n").reverse()) {
    const [, passed, failed, ignored] = SUMMARY_LINE.exec(line) ?? [];
    if (passed !== undefined) return { passed: Number(passed), failed: Number(failed), ignored: Number(ignored ?? 0) };
  }
  return null;
}
