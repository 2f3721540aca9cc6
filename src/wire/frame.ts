import type { Gap } from "../model/gap.ts";
import type { Offset, OffsetFormat } from "../model/position.ts";
import type { PositionVector } from "../model/position_vector.ts";
import type { Scope } from "../model/scope.ts";
import type { Priority, SSEMessage } from "../model/sse_message.ts";
import { gapDetected } from "./control_events.ts";

/** Encoded bytes of one message, made once, shared by every connection, and what a connection must know of them. */
export interface Frame {
  /** Place in this node's journal: frames of one record share it, later records have a larger one. */
  readonly seq: number;
  readonly sourceIndex: number;
  readonly partition: number;
  readonly offset: Offset;
  /** `null` for what every connection must be told: a gap. */
  readonly scope: Scope | null;
  /** Where it stands for several frames of a record: all that its reader has of the record's scopes, see `onePerRecord`. */
  readonly scopes?: readonly Scope[];
  readonly event: string;
  /** Scopes that the principal must all hold besides `scope`. */
  readonly audience: readonly Scope[];
  readonly priority: Priority;
  readonly conflationKey: string | undefined;
  /** The whole block: its `id:` line, then what {@link Frame.bodyStart} begins. */
  readonly bytes: Uint8Array;
  /** Where the block goes on after its `id:` line: a replay may give the same body another cursor. */
  readonly bodyStart: number;
  /** What it tells, where that is one gap; see {@link restOfGap}. */
  readonly gap?: Gap | undefined;
}

/** Where a frame stands: its journal number and its event's position. */
export type FramePlace = Pick<Frame, "seq" | "sourceIndex" | "partition" | "offset">;

const encoder = new TextEncoder();

/**
 * Encodes a message once for all.
 *
 * @param cursor the stream's cursor after this message, from a CursorWriter: never text from outside
 * @throws TypeError when the message cannot be a frame (see SSEMessage.toSSEFormat)
 */
export function encodeFrame(message: SSEMessage, cursor: string, place: FramePlace): Frame {
  const idLine = `id: ${cursor}\n`;
  return {
    ...place,
    scope: message.scope,
    event: message.event,
    audience: message.audience,
    priority: message.priority,
    conflationKey: message.conflationKey,
    bytes: encodeShared(idLine + message.toSSEFormat()),
    bodyStart: idLine.length,
  };
}

/**
 * Gaps as every connection gets them, in their place between the events.
 *
 * @param cursor of the stream behind all of them; only the last block carries it
 */
export function encodeGaps(gaps: readonly Gap[], format: OffsetFormat, cursor: string, place: FramePlace): Frame {
  return {
    ...place,
    scope: null,
    event: "stream.gap-detected",
    audience: [],
    priority: "high",
    conflationKey: undefined,
    bytes: joinBytes(gaps.map((gap) => gapDetected(gap, format, gap === gaps.at(-1) ? cursor : undefined))),
    bodyStart: gaps.length === 1 ? `id: ${cursor}\n`.length : 0,
    gap: gaps.length === 1 ? gaps[0] : undefined,
  };
}

/**
 * A gap's frame for a reader that stands at `at`: what it has read of the range at another node is no loss to it, so it is
 * told the rest. How many are missing in a part of a gap nobody knows. Any other frame is given as it is.
 */
export function restOfGap(frame: Frame, at: PositionVector): Frame {
  const { gap, sourceIndex, partition, seq, offset } = frame;
  const source = at.sources[sourceIndex];
  const from = source?.next[partition] ?? 0n;
  if (gap === undefined || source === undefined || from <= gap.from || from >= gap.next) return frame;
  const place = { seq, sourceIndex, partition, offset };
  return encodeGaps([{ ...gap, from, lost: null }], source.format, cursorOf(frame), place);
}

/** The cursor that a frame carries. */
export function cursorOf(frame: Frame): string {
  return decoder.decode(frame.bytes.subarray("id: ".length, frame.bodyStart - 1));
}

const decoder = new TextDecoder();

/** One chunk of many frames, in their order. A single frame's bytes are given as they are. */
export function chunkOf(frames: readonly Frame[]): Uint8Array {
  const [only] = frames;
  return frames.length === 1 && only !== undefined ? only.bytes : joinBytes(frames.map((frame) => frame.bytes));
}

/** Copies the parts behind one another. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Room of one slab. A frame of usual size is a few hundred bytes, so hundreds share a buffer. */
const SLAB_BYTES = 64 * 1024;
/** A text that could take more than this is given a buffer of its own. */
const MAX_SHARED_BYTES = SLAB_BYTES / 8;

let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

/**
 * Encodes text into a buffer that it shares with its neighbours. A buffer of its own for each frame is what the garbage
 * collector spends most on. Frames leave the journal in the order they came, so slabs are freed as they were filled.
 */
function encodeShared(text: string): Uint8Array {
  // A UTF-16 code unit takes three bytes at most.
  const mostBytes = text.length * 3;
  if (mostBytes > MAX_SHARED_BYTES) return encoder.encode(text);
  if (slabUsed + mostBytes > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const { written } = encoder.encodeInto(text, slab.subarray(slabUsed));
  const bytes = slab.subarray(slabUsed, slabUsed + written);
  slabUsed += written;
  return bytes;
}
