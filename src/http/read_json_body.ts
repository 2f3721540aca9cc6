import type { ErrorCode } from "../model/error_code.ts";
import { parseExactJSON } from "../pipeline/exact_json.ts";

/** A body that was read to its end, or the refusal that the request is answered with. */
export type JSONBody =
  | { readonly kind: "json"; readonly value: unknown; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly detail: string };

/** Longest wait for a whole body, in milliseconds; a sender of one byte at a time must not hold a request open. */
export const BODY_TIMEOUT_MS = 30_000;

/**
 * Reads a JSON body of at most `maxBytes`; what is larger is refused as soon as that is known, without being kept.
 * Only `application/json` is taken: a form of another site cannot send it without a preflight.
 */
export async function readJSONBody(request: Request, maxBytes: number): Promise<JSONBody> {
  const mediaType = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    return { kind: "refused", code: "unsupported-media-type", detail: "Send Content-Type: application/json" };
  }
  if (request.headers.has("content-encoding")) {
    return { kind: "refused", code: "unsupported-media-type", detail: "Send the body without Content-Encoding" };
  }
  const tooLarge = {
    kind: "refused",
    code: "payload-too-large",
    detail: `The body is larger than ${maxBytes} bytes`,
  } as const;
  const announcedBytes = request.headers.get("content-length");
  if (announcedBytes !== null && Number(announcedBytes) > maxBytes) return tooLarge;
  // A body of announced length is read in one go, several times cheaper than piece by piece; the server holds it to that length.
  const stop = new AbortController();
  const bytes = await inTime(announcedBytes === null ? readUpTo(request.body, maxBytes, stop.signal) : request.bytes());
  if (bytes === "too-large") return tooLarge;
  if (bytes === "broken-off") {
    return { kind: "refused", code: "invalid-request", detail: "The body broke off, or its framing is broken" };
  }
  if (bytes === "too-slow") {
    stop.abort();
    return { kind: "refused", code: "invalid-request", detail: `The body did not end within ${BODY_TIMEOUT_MS} ms` };
  }
  try {
    const text = strictUTF8.decode(bytes);
    // JSON.parse rounds integers past 2^53 and makes 1e999 an infinity; nobody's number is changed on its way.
    const value = LARGE_INTEGER.test(text) || LARGE_EXPONENT.test(text) ? parseExactJSON(text) : JSON.parse(text);
    return { kind: "json", value, bytes };
  } catch {
    return { kind: "refused", code: "invalid-json", detail: "The body is not JSON in UTF-8" };
  }
}

/** Sixteen digits in a row: what may be an integer past 2^53, and is rare enough to be read twice as slowly. */
const LARGE_INTEGER = /[0-9]{16}/;
/** A number, not a text, with an exponent of three digits: what may be past a double's 1.8e308. */
const LARGE_EXPONENT = /(?:^|[:,[\s])-?[0-9][0-9.]*[eE]\+?[0-9]{3}/;
const strictUTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

async function inTime<Result>(reading: Promise<Result>): Promise<Result | "too-slow" | "broken-off"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"too-slow">((resolve) => timer = setTimeout(() => resolve("too-slow"), BODY_TIMEOUT_MS));
  try {
    // A client that goes away in the middle of its body is no failure of ours.
    return await Promise.race([reading.catch(() => "broken-off" as const), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function readUpTo(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | "too-large"> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = body?.getReader();
  // Only who holds the reader can cancel the body: the request itself finds it locked.
  signal.addEventListener("abort", () => void reader?.cancel().catch(() => {}), { once: true });
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    length += next.value.length;
    if (length > maxBytes) {
      void reader?.cancel().catch(() => {});
      return "too-large";
    }
    parts.push(next.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
