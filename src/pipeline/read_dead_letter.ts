import { Buffer } from "node:buffer";
import { z } from "zod";
import { type DeadLetter, MAX_TEXT_LENGTH, type OriginalBytes } from "./dead_letter.ts";
import { DEAD_LETTER_REASONS, type DeadLetterReason } from "./mapping_outcome.ts";

/** Reads what `encodeDeadLetter` wrote; `undefined` for anything else. */
export function readDeadLetter(content: unknown): DeadLetter | undefined {
  const parsed = letterSchema.safeParse(content);
  return parsed.success ? parsed.data : undefined;
}

/** The record as it came, or why the letter cannot give it back. */
export type Original =
  | {
    readonly kind: "whole";
    readonly key: Uint8Array | null;
    readonly value: Uint8Array;
    readonly headers: ReadonlyMap<string, Uint8Array>;
  }
  | { readonly kind: "not-whole"; readonly why: string };

/** Gives the original record of a letter: all of its bytes, or none. */
export function originalOf({ key, value, headers, headerCount }: DeadLetter): Original {
  if (value === null) return notWhole("the record has no value");
  if (value.isCut) return notWhole(`its value of ${value.byteLength} bytes was kept in part`);
  if (key?.isCut === true) return notWhole(`its key of ${key.byteLength} bytes was kept in part`);
  if (headers.length < headerCount) return notWhole(`${headers.length} of its ${headerCount} headers were kept`);
  const cut = headers.find(({ isCut, name }) => isCut || name.length >= MAX_TEXT_LENGTH);
  if (cut !== undefined) return notWhole(`its header ${JSON.stringify(cut.name.slice(0, 64))} was kept in part`);
  return {
    kind: "whole",
    key: key === null ? null : bytesOf(key),
    value: bytesOf(value),
    headers: new Map(headers.map((header) => [header.name, bytesOf(header)])),
  };
}

const about = { byteLength: z.int().min(0), isCut: z.boolean() };
const bytesSchema = z.union([
  z.strictObject({ ...about, text: z.string() }),
  z.strictObject({ ...about, base64: z.base64() }),
]);
const headerSchema = z.union([
  z.strictObject({ name: z.string(), ...about, text: z.string() }),
  z.strictObject({ name: z.string(), ...about, base64: z.base64() }),
]);
const letterSchema = z.strictObject({
  source: z.string(),
  partition: z.int().min(0),
  offset: z.string(),
  time: z.string().nullable(),
  reason: z.custom<DeadLetterReason>((reason) =>
    typeof reason === "string" && Object.hasOwn(DEAD_LETTER_REASONS, reason)
  ),
  detail: z.string(),
  key: bytesSchema.nullable(),
  headers: z.array(headerSchema),
  headerCount: z.int().min(0),
  value: bytesSchema.nullable(),
});

function bytesOf(original: OriginalBytes): Uint8Array {
  return "text" in original
    ? new TextEncoder().encode(original.text)
    : new Uint8Array(Buffer.from(original.base64, "base64"));
}

function notWhole(why: string): Original {
  return { kind: "not-whole", why };
}
