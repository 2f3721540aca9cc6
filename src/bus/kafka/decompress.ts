import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decompressLz4 } from "./lz4.ts";
import { decompressSnappy } from "./snappy.ts";

/**
 * Decompresses the records of a batch. Synchronous: a batch is about a megabyte, and a decoder that never yields keeps
 * the order of batches without a queue.
 *
 * @param codec the lowest three bits of the batch's attributes
 * @throws Error when the codec is unknown, the data is damaged, or it unpacks into more than `maxBytes`
 */
export function decompress(codec: number, source: Uint8Array, maxBytes: number): Uint8Array {
  switch (codec) {
    case 0:
      return source;
    case 1:
      return gunzipSync(source, { maxOutputLength: maxBytes });
    case 2:
      return decompressSnappy(source, maxBytes);
    case 3:
      return decompressLz4(source, maxBytes);
    case 4:
      return zstdDecompressSync(source, { maxOutputLength: maxBytes });
    default:
      throw new RangeError(`Cannot decompress a batch: its codec ${codec} is unknown`);
  }
}
