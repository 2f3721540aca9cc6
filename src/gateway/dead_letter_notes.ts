import { z } from "zod";
import type { DeadLetter } from "../pipeline/dead_letter.ts";
import { readDeadLetter } from "../pipeline/read_dead_letter.ts";
import type { DeadLetterEntry, DeadLetterPlace } from "./dead_letter_place.ts";

/*
 * What was done about dead letters stands beside them, in the same append-only places: so every node and every operator
 * sees it, and none of it can be lost without the letters. A retry is noted before it publishes and after. Where only
 * the first note is there, nobody can know whether the record was published, and it is not published again unless an
 * operator says so.
 */

/** Where the retry of a letter stands. */
export type RetryState =
  | { readonly kind: "waiting" }
  /** Begun by a run, and its end is not known. */
  | { readonly kind: "begun"; readonly run: string; readonly at: string }
  | { readonly kind: "published"; readonly at: string; readonly position: string };

/** One step of a retry. */
export interface RetryNote {
  /** {@link letterKey} of the letter. */
  readonly letter: string;
  /** Which run of the command; of several that begin at once the first has the letter. */
  readonly run: string;
  readonly step: "begun" | "published" | "failed";
  /** RFC 3339. */
  readonly at: string;
  /** `begun`: whatever was done before does not count. */
  readonly isAgain?: boolean | undefined;
  /** `published`: where the record now stands. */
  readonly position?: string | undefined;
}

/** `source:partition:offset` of the record. */
export function identityOf({ source, partition, offset }: DeadLetter): string {
  return `${source}:${partition}:${offset}`;
}

/** The same for every copy of a letter. With the record's time: a log that was created anew begins its offsets again. */
export function letterKey(letter: DeadLetter): string {
  return `${identityOf(letter)}@${letter.time ?? ""}`;
}

/** The entry of a note, under its letter's identity. */
export function entryOfNote(letter: DeadLetter, note: RetryNote): DeadLetterEntry {
  return { identity: identityOf(letter), json: new TextEncoder().encode(JSON.stringify({ retry: note })) };
}

/** The states of all letters of which there is a note; the others wait. */
export async function readRetryStates(place: DeadLetterPlace): Promise<Map<string, RetryState>> {
  const states = new Map<string, RetryState>();
  for await (const text of place.read()) {
    const note = text.startsWith(NOTE_START) ? readNote(text) : undefined;
    if (note !== undefined) states.set(note.letter, after(states.get(note.letter) ?? { kind: "waiting" }, note));
  }
  return states;
}

/** Every letter of a place, as often as it was written; `undefined` for an entry that is none. */
export async function* readLetters(place: DeadLetterPlace): AsyncIterable<DeadLetter | undefined> {
  for await (const text of place.read()) {
    if (text.startsWith(NOTE_START)) continue;
    yield readDeadLetter(parsed(text));
  }
}

const NOTE_START = '{"retry":';

const noteSchema = z.strictObject({
  retry: z.strictObject({
    letter: z.string(),
    run: z.string(),
    step: z.enum(["begun", "published", "failed"]),
    at: z.string(),
    isAgain: z.boolean().optional(),
    position: z.string().optional(),
  }),
});

function readNote(text: string): RetryNote | undefined {
  const read = noteSchema.safeParse(parsed(text));
  return read.success ? read.data.retry : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function after(state: RetryState, { step, run, at, isAgain, position }: RetryNote): RetryState {
  if (step === "begun") return state.kind === "waiting" || isAgain === true ? { kind: "begun", run, at } : state;
  // Only whoever has the letter can say what became of it.
  if (state.kind !== "begun" || state.run !== run) return state;
  return step === "failed" ? { kind: "waiting" } : { kind: "published", at, position: position ?? "" };
}
