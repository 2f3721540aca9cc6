const LENGTH_BYTES = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Headers as bytes: for each its name and its value, both with their length in front. `null` for none. */
export function encodeHeaders(headers: ReadonlyMap<string, Uint8Array> | undefined): Uint8Array | null {
  if (headers === undefined || headers.size === 0) return null;
  const parts = [...headers].flatMap(([name, value]) => [encoder.encode(name), value]);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + LENGTH_BYTES + part.byteLength, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.byteLength);
    bytes.set(part, at + LENGTH_BYTES);
    at += LENGTH_BYTES + part.byteLength;
  }
  return bytes;
}

/**
 * Reads them back.
 *
 * @throws RangeError when the bytes are not what {@link encodeHeaders} wrote
 */
export function decodeHeaders(bytes: Uint8Array | null): ReadonlyMap<string, Uint8Array> {
  const headers = new Map<string, Uint8Array>();
  if (bytes === null) return headers;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const next = () => {
    const begin = at + LENGTH_BYTES;
    at = begin + view.getUint32(at);
    if (at > bytes.byteLength) throw new RangeError(`A header ends at ${at} of ${bytes.byteLength} bytes`);
    return bytes.slice(begin, at);
  };
  while (at < bytes.byteLength) headers.set(decoder.decode(next()), next());
  return headers;
}
