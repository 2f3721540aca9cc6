import * as z from "zod";
import { settingRegistry } from "./setting_registry.ts";

declare const unit: unique symbol;

/** A parsed size; {@link section} turns a key `buffer` with it into `bufferBytes: number`, and leaves `maxBytes` as it is. */
export type Bytes = number & { readonly [unit]: "bytes" };

/** How sizes are written: digits and one binary unit, `512B`, `64KiB`, `1MiB`, `2GiB`. */
export const BYTE_SIZE = /^(0|[1-9][0-9]{0,8})(B|KiB|MiB|GiB)$/;

const BYTES_PER_UNIT = new Map([["B", 1], ["KiB", 1024], ["MiB", 1024 ** 2], ["GiB", 1024 ** 3]]);

/** A setting that is a size between two others, both included and written as in the file: `byteSize("1KiB", "1GiB")`. */
export function byteSize(min: string, max: string) {
  const minBytes = parseByteSize(min);
  const maxBytes = parseByteSize(max);
  if (minBytes === undefined || maxBytes === undefined) {
    throw new TypeError(`Cannot bound a size by "${min}" and "${max}": not sizes`);
  }
  const allowed = `a size from ${min} to ${max}, with its unit: B, KiB, MiB or GiB`;
  return z.string({ error: `must be ${allowed}` })
    .regex(BYTE_SIZE, { error: `must be ${allowed}`, abort: true })
    .refine((text) => isBetween(parseByteSize(text), minBytes, maxBytes), { error: `must be ${allowed}` })
    .transform((text) => (parseByteSize(text) ?? 0) as Bytes)
    .register(settingRegistry, { unit: "bytes", allowed });
}

/** Bytes of a size as written; `undefined` when the text is none. */
export function parseByteSize(text: string): number | undefined {
  const [, digits, unitName] = BYTE_SIZE.exec(text) ?? [];
  const factor = BYTES_PER_UNIT.get(unitName ?? "");
  return factor === undefined ? undefined : Number(digits) * factor;
}

function isBetween(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max;
}
