import { BusError, type EventBus } from "../bus/event_bus.ts";
import { reasonOf } from "../log/reason_of.ts";
import { formatPosition } from "../model/position.ts";
import type { DeadLetter } from "../pipeline/dead_letter.ts";
import type { MappingOutcome } from "../pipeline/mapping_outcome.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { type Original, originalOf } from "../pipeline/read_dead_letter.ts";
import { entryOfNote, letterKey, readRetryStates, type RetryNote } from "./dead_letter_notes.ts";
import type { DeadLetterPlace } from "./dead_letter_place.ts";

/** What became, or would become, of one letter. */
export type RetryResult =
  /** Its record is in its source again, at that position. */
  | { readonly kind: "published"; readonly position: string }
  /** In a dry run: what the pipeline would make of it. */
  | { readonly kind: "would-publish"; readonly messages: Extract<MappingOutcome, { kind: "messages" }>["messages"] }
  /** The configuration withholds it on purpose now. */
  | { readonly kind: "dropped"; readonly by: string }
  /** It would be a dead letter again. */
  | { readonly kind: "unmappable"; readonly reason: string; readonly detail: string }
  /** There is no more of the record than a part. */
  | { readonly kind: "not-whole"; readonly why: string }
  /** Another run has begun with it. */
  | { readonly kind: "taken" }
  /** It was not published. */
  | { readonly kind: "failed"; readonly why: string }
  /** It may have been published, or not. */
  | { readonly kind: "unclear"; readonly why: string };

/** What a retry works with. */
export interface RetryContext {
  readonly pipeline: Pipeline;
  /** Where the letters are kept; what is done is noted in all of them, and the first decides whose a letter is. */
  readonly places: readonly [DeadLetterPlace, ...DeadLetterPlace[]];
  /** The bus of a source; rejects when there is none that can be published to from here. */
  readonly busOf: (source: string) => Promise<EventBus>;
  readonly isDryRun: boolean;
  /** Also letters whose retry was begun or done before. */
  readonly isAgain: boolean;
  readonly now: () => Date;
}

interface Candidate {
  readonly letter: DeadLetter;
  readonly original: Extract<Original, { kind: "whole" }>;
}

/**
 * Publishes the original record of each letter into its source again, as one that the present configuration can map;
 * every letter gets a result. Each is noted as begun before anything is published, so what is published twice is
 * published twice on purpose.
 */
export async function retryLetters(
  letters: readonly DeadLetter[],
  context: RetryContext,
): Promise<ReadonlyMap<DeadLetter, RetryResult>> {
  const results = new Map<DeadLetter, RetryResult>();
  const candidates: Candidate[] = [];
  for (const letter of letters) {
    const original = originalOf(letter);
    const result = original.kind === "whole" ? remapped(letter, original, context.pipeline) : original;
    results.set(letter, result);
    if (original.kind === "whole" && result.kind === "would-publish") candidates.push({ letter, original });
  }
  if (context.isDryRun || candidates.length === 0) return results;
  const run = crypto.randomUUID();
  for (const { letter } of candidates) await note(letter, { run, step: "begun" }, context);
  const states = await readRetryStates(context.places[0]);
  for (const candidate of candidates) {
    const state = states.get(letterKey(candidate.letter));
    const isOurs = state?.kind === "begun" && state.run === run;
    results.set(candidate.letter, isOurs ? await published(candidate, run, context) : { kind: "taken" });
  }
  return results;
}

function remapped(letter: DeadLetter, original: Candidate["original"], pipeline: Pipeline): RetryResult {
  const { key, value, headers } = original;
  // Its place and time will be new ones; only the time of a record counts in a mapping.
  const record = { offset: 0n, timestampMs: Date.parse(letter.time ?? ""), key, value, headers };
  const outcome = pipeline.mapRecord(letter.source, record, letter.partition);
  switch (outcome.kind) {
    case "messages":
      return { kind: "would-publish", messages: outcome.messages };
    case "dropped":
      return outcome;
    case "dead-letter":
      return { kind: "unmappable", reason: outcome.reason, detail: outcome.detail };
  }
}

async function published({ letter, original }: Candidate, run: string, context: RetryContext): Promise<RetryResult> {
  const { key, value, headers } = original;
  let position = "";
  try {
    const bus = await context.busOf(letter.source);
    const [at] = await bus.publish([{ key, value, headers }]);
    if (at === undefined) return { kind: "unclear", why: `${letter.source} told no position` };
    position = formatPosition({ source: letter.source, ...at }, bus.offsetFormat);
  } catch (error) {
    // Without the note of its end it is not published again by accident.
    if (error instanceof BusError && error.mayHaveBeenWritten) return { kind: "unclear", why: reasonOf(error) };
    await note(letter, { run, step: "failed" }, context);
    return { kind: "failed", why: reasonOf(error) };
  }
  await note(letter, { run, step: "published", position }, context);
  return { kind: "published", position };
}

/** @throws Error when a place does not take it: then nothing further may be published. */
async function note(
  letter: DeadLetter,
  step: Pick<RetryNote, "run" | "step" | "position">,
  { places, now, isAgain }: RetryContext,
): Promise<void> {
  const written: RetryNote = { letter: letterKey(letter), at: now().toISOString(), ...step, ...isAgain && { isAgain } };
  for (const place of places) {
    const taken = await place.append([entryOfNote(letter, written)], true);
    if (taken === 0) {
      throw new Error(`Cannot note a retry in ${place.name}: it is full. Move it away, or raise maxFile`);
    }
  }
}
