import type { Offset } from "../../src/model/position.ts";
import { PositionVector, type SourcePositions } from "../../src/model/position_vector.ts";
import { parseScope, type Scope } from "../../src/model/scope.ts";
import { SSEMessage, type SSEMessageInit } from "../../src/model/sse_message.ts";
import type { JournalLimits } from "../../src/replay/journal.ts";
import { encodeFrame, type Frame } from "../../src/wire/frame.ts";

/** Limits that no test meets unless it says so. */
export const WIDE: JournalLimits = { maxEvents: 1_000, maxBytes: 1e9, maxAgeMs: 1e9, maxFrameBytes: 1e6 };

/** A scope from text that is known to be one. */
export function scopeOf(text: string): Scope {
  const scope = parseScope(text);
  if (scope === undefined) throw new TypeError(`Cannot use ${text}: it is no scope`);
  return scope;
}

/** A message to a scope; the rest as little as can be. */
export function messageTo(scope: string, rest: Partial<SSEMessageInit> = {}): SSEMessage {
  return new SSEMessage({
    event: "task.done",
    data: {},
    scope: scopeOf(scope),
    time: "2026-01-01T00:00:00.000Z",
    ...rest,
  });
}

/** A frame as a replay reads it from a bus: without a cursor and without a place in a journal. */
export function frameAt(partition: number, offset: Offset): Frame {
  return encodeFrame(messageTo("user:1"), "", { seq: -1, sourceIndex: 0, partition, offset });
}

/** Positions of sources `s0`, `s1`, …, each a list of next offsets by partition. */
export function positions(...sources: readonly (readonly Offset[])[]): PositionVector {
  return new PositionVector(sources.map((next, index): SourcePositions => (
    { source: `s${index}`, format: "integer", epoch: `epoch of s${index}`, next: [...next] }
  )));
}
