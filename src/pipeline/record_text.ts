import { Buffer, isAscii, isUtf8 } from "node:buffer";

/** Not `fatal`: asking first and decoding then is twice as fast, and what is asked for cannot be replaced silently. */
const UTF8 = new TextDecoder();

/** The text of UTF-8 bytes, less a byte order mark at the start; `undefined` when they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  // ASCII, as most records are, costs half as much this way as through the decoder.
  if (isAscii(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return isUtf8(bytes) ? UTF8.decode(bytes) : undefined;
}

/** Reads texts by name; remembers the last, because one rule after the other asks for the same. */
export function decodedOnce(bytesOf: (name: string) => Uint8Array | undefined): (name: string) => string | undefined {
  let lastName: string | undefined;
  let lastText: string | undefined;
  return (name) => {
    if (name === lastName) return lastText;
    const bytes = bytesOf(name);
    lastName = name;
    lastText = bytes === undefined ? undefined : decodeText(bytes);
    return lastText;
  };
}
