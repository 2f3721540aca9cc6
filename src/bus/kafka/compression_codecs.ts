/**
 * The four codecs of Kafka's record batches. kafkajs has gzip; the others are registered with it here, for what is
 * published, and `decompress` is for what is read. All of them are JavaScript or Deno's own: nothing to install, nothing native, the
 * same in a compiled executable.
 */
import { Buffer } from "node:buffer";
import { gunzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes } from "kafkajs";
// @ts-types="./lz4js.d.ts"
import lz4 from "lz4js";
// @ts-types="./lz4js_xxh32.d.ts"
import xxh32 from "lz4js/xxh32.js";
// @ts-types="./snappyjs.d.ts"
import snappy from "snappyjs";
import { decompressLz4 } from "./decompress_lz4.ts";

/** How published batches are compressed; the keys are the configuration's words. */
export const COMPRESSIONS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

/** A key of {@link COMPRESSIONS}. */
export type Compression = keyof typeof COMPRESSIONS;

/**
 * Decompresses the records of a batch. Synchronous: a batch is about a megabyte, and a decoder that never yields keeps
 * the order of batches without a queue.
 *
 * @param codec the lowest three bits of the batch's attributes
 * @throws Error when the codec is unknown, the data is damaged, or it unpacks into more than `maxBytes`
 */
export function decompress(codec: number, source: Uint8Array, maxBytes: number): Uint8Array {
  switch (codec) {
    case COMPRESSIONS.none:
      return source;
    case COMPRESSIONS.gzip:
      return gunzipSync(source, { maxOutputLength: maxBytes });
    case COMPRESSIONS.snappy:
      return decompressSnappy(source, maxBytes);
    case COMPRESSIONS.lz4:
      return decompressLz4(source, maxBytes);
    case COMPRESSIONS.zstd:
      return zstdDecompressSync(source, { maxOutputLength: maxBytes });
    default:
      throw new RangeError(`Cannot decompress a batch: its codec ${codec} is unknown`);
  }
}

/** For kafkajs itself, which we let read nothing; any bound will do. */
const MAX_UNPACKED_BYTES = 2 ** 28;

type Compress = (source: Uint8Array) => Uint8Array;

function register(type: Exclude<CompressionTypes, CompressionTypes.None>, compress: Compress): void {
  CompressionCodecs[type] = () => ({
    compress: (encoder: { readonly buffer: Buffer }) => Promise.resolve(Buffer.from(compress(plain(encoder.buffer)))),
    decompress: (source: Buffer) => Promise.resolve(Buffer.from(decompress(type, plain(source), MAX_UNPACKED_BYTES))),
  });
}

register(CompressionTypes.Snappy, compressSnappy);
register(CompressionTypes.LZ4, compressLz4);
register(CompressionTypes.ZSTD, (source) => zstdCompressSync(source));

/** Both packages treat a Node Buffer as something else than bytes. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Java writes snappy in the framing of xerial's SnappyOutputStream: magic, two versions, blocks behind their length. */
const XERIAL_HEADER = new Uint8Array([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const XERIAL_MAGIC_BYTES = 8;

function compressSnappy(source: Uint8Array): Uint8Array {
  const block = snappy.compress(source);
  const framed = new Uint8Array(XERIAL_HEADER.length + 4 + block.length);
  framed.set(XERIAL_HEADER);
  new DataView(framed.buffer).setUint32(XERIAL_HEADER.length, block.length);
  framed.set(block, XERIAL_HEADER.length + 4);
  return framed;
}

function decompressSnappy(source: Uint8Array, maxBytes: number): Uint8Array {
  for (let index = 0; index < XERIAL_MAGIC_BYTES; index++) {
    // Other clients write one raw block.
    if (source[index] !== XERIAL_HEADER[index]) return snappy.uncompress(source, maxBytes);
  }
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const blocks: Uint8Array[] = [];
  let leftBytes = maxBytes;
  for (let at = XERIAL_HEADER.length; at < source.length;) {
    const end = at + 4 + view.getUint32(at);
    if (end > source.length) throw new RangeError("Cannot decompress snappy: a block is cut");
    const block = snappy.uncompress(source.subarray(at + 4, end), leftBytes);
    blocks.push(block);
    leftBytes -= block.length;
    at = end;
  }
  return plain(Buffer.concat(blocks));
}

const LZ4_FLAGS_AT = 4;
const LZ4_HEADER_CHECKSUM_AT = 6;
const LZ4_BLOCKS_ARE_INDEPENDENT = 0x20;
/** Of lz4js' frames: one block then, which depends on none. */
const LZ4_MAX_BLOCK_BYTES = 4 * 1024 * 1024;

/** lz4js does not say that its blocks are independent, and Java's reader refuses frames that do not. */
function compressLz4(source: Uint8Array): Uint8Array {
  if (source.length > LZ4_MAX_BLOCK_BYTES) {
    throw new RangeError(`Cannot compress ${source.length} bytes with LZ4: ${LZ4_MAX_BLOCK_BYTES} are possible`);
  }
  const frame = lz4.compress(source);
  frame[LZ4_FLAGS_AT] = (frame[LZ4_FLAGS_AT] ?? 0) | LZ4_BLOCKS_ARE_INDEPENDENT;
  frame[LZ4_HEADER_CHECKSUM_AT] = xxh32.hash(0, frame, LZ4_FLAGS_AT, 2) >>> 8;
  return frame;
}
