import type { Frame } from "../wire/frame.ts";

/** One thing that a tail shows; plain JSON. */
export type TailLine =
  | {
    readonly kind: "event";
    /** `{source}:{partition}:{offset}`. */
    readonly identity: string;
    readonly event: string;
    readonly scope: string;
    readonly audience: readonly string[];
    readonly priority: string;
    /** Of the whole frame. */
    readonly bytes: number;
    /** What streams get after `data: `, cut. */
    readonly data: string;
    readonly isCut: boolean;
  }
  | { readonly kind: "gap"; readonly identity: string; readonly data: string }
  | { readonly kind: "dead-letter"; readonly identity: string; readonly reason: string; readonly detail: string }
  | { readonly kind: "source"; readonly source: string; readonly state: string };

/** Longest data that is shown, in characters; a whole frame may have a quarter of a megabyte. */
const MAX_DATA_LENGTH = 2_000;

/** The first half of a surrogate pair whose second was cut off. */
const HALF_CHARACTER = /[\ud800-\udbff]$/;

const decoder = new TextDecoder();
const DATA = "\ndata: ";

/** A frame as a line. */
export function tailLine(identity: string, frame: Frame): TailLine {
  const { event, scope, audience, priority, bytes } = frame;
  // As many bytes as the characters can take, and the fields before them.
  const text = decoder.decode(bytes.subarray(0, MAX_DATA_LENGTH * 4 + frame.bodyStart + event.length + DATA.length));
  const start = text.indexOf(DATA) + DATA.length;
  const end = text.indexOf("\n", start);
  const whole = text.slice(start, end < 0 ? undefined : end);
  const data = whole.slice(0, MAX_DATA_LENGTH).replace(HALF_CHARACTER, "");
  if (scope === null) return { kind: "gap", identity, data };
  const isCut = end < 0 || data.length < whole.length;
  return { kind: "event", identity, event, scope, audience, priority, bytes: bytes.length, data, isCut };
}
