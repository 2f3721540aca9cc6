import type { Scope } from "../model/scope.ts";
import { type Frame, joinBytes } from "./frame.ts";

/**
 * What one reader gets of frames in their order: of a record that addresses several of its scopes one frame, under the
 * scope that it asked for first, whose envelope names them all in `scopes`.
 *
 * @param frames those that the reader may have, and no others: their scopes are told
 * @param asked the reader's scopes, in the order in which it asked for them
 */
export function onePerRecord(frames: readonly Frame[], asked: readonly Scope[]): readonly Frame[] {
  const given: Frame[] = [];
  let end = 0;
  for (let first = frames[end]; first !== undefined; first = frames[end]) {
    const start = end++;
    while (isOfSameRecord(first, frames[end])) end++;
    given.push(end === start + 1 ? first : unite(first, frames.slice(start, end), asked));
  }
  return given;
}

/** Frames read from a history have no place in the journal: there the offset tells, of one partition's frames. */
function isOfSameRecord(one: Frame, other: Frame | undefined): boolean {
  return one.seq === other?.seq && one.offset === other.offset;
}

function unite(any: Frame, ofRecord: readonly Frame[], asked: readonly Scope[]): Frame {
  const scopes = asked.filter((each) => ofRecord.some(({ scope }) => scope === each));
  const first = ofRecord.find(({ scope }) => scope === scopes[0]) ?? any;
  // The block ends with its data, which is one line of JSON: see SSEMessage.toSSEFormat.
  const envelope = first.bytes.subarray(0, first.bytes.length - END.length);
  const bytes = joinBytes([envelope, encoder.encode(`,"scopes":${JSON.stringify(scopes)}`), END]);
  return { ...first, scopes, bytes };
}

const encoder = new TextEncoder();
/** How the block of every event ends. */
const END = encoder.encode("}\n\n");
