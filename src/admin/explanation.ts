/** What became of an event, in one word. */
export const VERDICTS = {
  "not-found": "there is no such source, partition or record",
  "not-read-yet": "the log has not reached this position, or this node has not",
  "gone": "the log no longer has the record",
  "unreadable": "the source cannot be read at present",
  "withheld": "nobody gets it: dropped by the mapping, a dead letter, or too large",
  "not-for-them": "it goes to others: the subject's streams do not ask for it, or may not have it",
  "no-stream": "it goes to others; the subject has no open stream on this node",
  "matches": "it goes to the subject's stream, or to the scope that was asked about",
} as const satisfies Record<string, string>;

/** A key of {@link VERDICTS}. */
export type Verdict = keyof typeof VERDICTS;

/** One thing that was looked at. `ok` is null for what cannot be known. */
export interface ExplanationStep {
  readonly ok: boolean | null;
  readonly text: string;
}

/** Why somebody got, or did not get, an event; plain JSON. It never holds what is in the event. */
export interface Explanation {
  readonly verdict: Verdict;
  /** The verdict in a sentence. */
  readonly summary: string;
  /** In the order in which an event passes them. */
  readonly steps: readonly ExplanationStep[];
}
