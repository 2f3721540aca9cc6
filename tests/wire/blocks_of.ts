import type { Page } from "../../src/wire/page.ts";

/** The text of each frame of a page. */
export function blocksOf({ chunk, ends }: Page): readonly string[] {
  return ends.map((end, index) => new TextDecoder().decode(chunk.subarray(ends[index - 1] ?? 0, end)));
}
