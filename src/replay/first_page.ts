import type { Frame } from "../wire/frame.ts";

/** Frames that are handed out in one turn: about 64 KiB of usual events, so that one client never holds the loop. */
export const PAGE_FRAMES = 256;
/** Bytes that are handed out in one turn, or one frame of any size: what waits for one reader stays small. */
const PAGE_BYTES = 256 * 1024;

/** As many of the frames as one turn may hand out, at least one. */
export function firstPage(frames: readonly Frame[], maxFrames: number): readonly Frame[] {
  let bytes = 0;
  const tooMany = frames.findIndex((frame, index) => {
    bytes += frame.bytes.length;
    return index > 0 && (index >= maxFrames || bytes > PAGE_BYTES);
  });
  return tooMany < 0 ? frames : frames.slice(0, tooMany);
}
