/** One claim about speed, and how it is measured. */
export interface Scenario {
  /** What it is called on the command line. */
  readonly name: string;
  readonly title: string;
  run(options: BenchOptions): Promise<ScenarioReport>;
}

export interface BenchOptions {
  /** How often each server is measured, in turns: Tidegate, the peer, Tidegate, the peer. */
  readonly rounds: number;
  /** Seconds that one load is measured. */
  readonly seconds: number;
  readonly churnMinutes: number;
  /** Says what is going on. */
  say(line: string): void;
}

export interface ScenarioReport {
  readonly rows: readonly ReportRow[];
  /** Everything that was measured, for the JSON file. */
  readonly raw: unknown;
}

/** One line of the table; texts as they are printed. */
export interface ReportRow {
  readonly what: string;
  readonly tidegate: string;
  readonly peer: string;
  readonly ratio: string;
  readonly target: string;
  readonly verdict: Verdict;
}

/** `–` where no target is set. */
export type Verdict = "met" | "missed" | "–";
