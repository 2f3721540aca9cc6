import { base64url } from "jose";
import { isCanonicalBase64url } from "./canonical_base64url.ts";
import { type JsonObject, parseStrictJsonObject } from "./strict_json.ts";

/** A JWT in its compact form, read but not yet believed. */
export interface CompactToken {
  readonly text: string;
  readonly header: JsonObject;
  readonly payload: JsonObject;
}

/** Longest token in characters: what proxies and browsers carry in one header by default. */
export const MAX_TOKEN_LENGTH = 8_192;

const THREE_PARTS = /^([^.]+)\.([^.]+)\.([^.]+)$/s;

/**
 * Reads a signed JWT (RFC 7515, 3.1); `undefined` for anything that is not exactly one: other alphabets, padding,
 * whitespace, other numbers of parts, an empty signature, bits that base64url would ignore, JSON with a member
 * given twice. One token thus has one text, and no two readers of it disagree.
 */
export function parseCompactToken(text: string): CompactToken | undefined {
  if (text.length > MAX_TOKEN_LENGTH) return undefined;
  const [, header, payload, signature] = THREE_PARTS.exec(text) ?? [];
  if (header === undefined || payload === undefined || signature === undefined) return undefined;
  if (!isCanonicalBase64url(signature)) return undefined;
  const parsedHeader = objectOf(header);
  const parsedPayload = objectOf(payload);
  return parsedHeader && parsedPayload && { text, header: parsedHeader, payload: parsedPayload };
}

function objectOf(part: string): JsonObject | undefined {
  if (!isCanonicalBase64url(part)) return undefined;
  try {
    const bytes = base64url.decode(part);
    // A byte order mark stays in the text, where JSON does not allow it.
    return parseStrictJsonObject(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
