import type { Frame } from "./frame.ts";

/** Frames that a replay hands out in one turn, as one reader gets them. */
export interface Page {
  readonly frames: readonly Frame[];
  /** Their blocks, one behind the other. */
  readonly chunk: Uint8Array;
  /** Where each frame's block ends in the chunk. */
  readonly ends: readonly number[];
}

const encoder = new TextEncoder();

/**
 * Puts frames into one chunk, the first of them under cursors of the reader's own. That is done for each event and each reader of
 * a crowd, so bytes are written once, and nothing is made for a single event.
 *
 * @param cursors of the first frames, from a CursorWriter: ASCII; the frames behind them keep the cursors that they have
 */
export function encodePage(frames: readonly Frame[], cursors: readonly string[]): Page {
  const idLines = cursors.map((cursor) => `id: ${cursor}\n`);
  // One call for all: for each line a call costs more than the line.
  const idBytes = encoder.encode(idLines.join(""));
  // Behind the id line that is replaced, or all of it.
  const bodyStartOf = (index: number) => idLines[index] === undefined ? 0 : frames[index]?.bodyStart ?? 0;
  const length = frames.reduce((sum, { bytes }, index) => sum + bytes.length - bodyStartOf(index), idBytes.length);
  const chunk = new Uint8Array(length);
  let at = 0;
  let idAt = 0;
  const ends = frames.map(({ bytes }, index) => {
    const idEnd = idAt + (idLines[index] ?? "").length;
    const body = bytes.subarray(bodyStartOf(index));
    chunk.set(idBytes.subarray(idAt, idEnd), at);
    chunk.set(body, at + idEnd - idAt);
    at += idEnd - idAt + body.length;
    idAt = idEnd;
    return at;
  });
  return { frames, chunk, ends };
}
