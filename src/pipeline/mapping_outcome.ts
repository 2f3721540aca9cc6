import type { SSEMessage } from "../model/sse_message.ts";

/** What becomes of a record. */
export type MappingOutcome =
  /** One event; one message a scope, all the same but for it. `rule` is its rule's name, or `published`. */
  | { readonly kind: "messages"; readonly rule: string; readonly messages: readonly SSEMessage[] }
  /**
   * Withheld from everyone on purpose. `by` comes from the configuration alone, so it may be a label: `rule:<name>`,
   * `missing-field:<path>`, `unmatched`, `tombstone` or `delete`.
   */
  | { readonly kind: "dropped"; readonly by: string }
  /** Withheld because it cannot be mapped. `detail` is for people and may quote input: escape it in logs. */
  | { readonly kind: "dead-letter"; readonly reason: DeadLetterReason; readonly detail: string };

/** Why a record could not be mapped; the words are stable, metrics and alerts use them. */
export const DEAD_LETTER_REASONS = {
  "too-large": "the value is larger than `maxRecordBytes`",
  "not-utf8": "the value is not UTF-8 text",
  "not-json": "the value is not JSON",
  "invalid-envelope": "the CloudEvents, outbox or gateway envelope is broken",
  "no-rule": "no rule matches, and `unmatched` is dead-letter",
  "unknown-event": "the rule's event table does not know the value",
  "missing-time": "neither the rule's time field nor the record tells when it happened",
  "invalid-scope": "a scope or audience template made text that is no scope",
  "too-many-scopes": "the record addresses more scopes than `maxScopesPerRecord`",
  "too-deep": "a sent value is nested deeper than `maxDepth`",
  "schema-mismatch": "the data does not fit the built-in schema of its event",
  "internal-error": "the pipeline itself failed; the record is withheld",
} as const satisfies Record<string, string>;

/** A key of {@link DEAD_LETTER_REASONS}. */
export type DeadLetterReason = keyof typeof DEAD_LETTER_REASONS;

/**
 * Ends the mapping of one record from any depth of its closures; never leaves the pipeline. An exception although the
 * outcome is ordinary: hostile records are rare, and every reader on the fast path would pay for a union.
 */
export class Unmappable extends Error {
  override readonly name = "Unmappable";
  readonly outcome: Exclude<MappingOutcome, { kind: "messages" }>;

  constructor(outcome: Exclude<MappingOutcome, { kind: "messages" }>) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** Makes the exception that turns the record at hand into a dead letter. */
export function deadLetter(reason: DeadLetterReason, detail: string): Unmappable {
  return new Unmappable({ kind: "dead-letter", reason, detail });
}

/** Makes the exception that withholds the record at hand from everyone. */
export function withheld(by: string): Unmappable {
  return new Unmappable({ kind: "dropped", by });
}
