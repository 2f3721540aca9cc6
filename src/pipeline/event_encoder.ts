import type { DeadLetterReason } from "./mapping_outcome.ts";
import { encodeNativeRecord, type NativeRecord } from "./native_record.ts";
import type { Pipeline } from "./pipeline.ts";

/** What is to be written for an event, or why nobody would ever get it. */
export type EncodedEvent =
  | { readonly kind: "record"; readonly value: Uint8Array<ArrayBuffer> }
  | { readonly kind: "undeliverable"; readonly reason: DeadLetterReason; readonly detail: string };

/** Encodes one event for the log. Never throws. */
export type EventEncoder = (event: NativeRecord) => EncodedEvent;

/**
 * Encodes events for a source of the format `tidegate`, and refuses those that this gateway would withhold when it reads
 * them back: a publisher that has its 201 hears of nothing any more.
 *
 * @param maxFrameBytes largest frame that a stream carries; a frame never takes more bytes than its record
 */
export function createEventEncoder(pipeline: Pipeline, source: string, maxFrameBytes: number): EventEncoder {
  return (event) => {
    const value = encode(event);
    if (value === undefined) return undeliverable("too-deep", "its data is nested too deep to be written");
    if (value.length > maxFrameBytes) {
      return undeliverable("too-large", `it takes ${value.length} bytes, more than the ${maxFrameBytes} of one event`);
    }
    const record = { offset: 0n, timestampMs: 0, key: null, value, headers: new Map<string, Uint8Array>() };
    const outcome = pipeline.mapRecord(source, record, 0);
    switch (outcome.kind) {
      case "messages":
        return { kind: "record", value };
      case "dead-letter":
        return undeliverable(outcome.reason, outcome.detail);
      case "dropped":
        return undeliverable("no-rule", `it is withheld by ${outcome.by}`);
    }
  };
}

/** JSON can be read at any depth, but writing it takes the stack. */
function encode(event: NativeRecord): Uint8Array<ArrayBuffer> | undefined {
  try {
    return encodeNativeRecord(event);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function undeliverable(reason: DeadLetterReason, detail: string): EncodedEvent {
  return { kind: "undeliverable", reason, detail };
}
