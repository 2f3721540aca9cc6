const MAGIC = 0x184d2204;
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const HAS_BLOCK_CHECKSUMS = 0x10;
const HAS_CONTENT_SIZE = 0x08;
const HAS_DICTIONARY = 0x01;
const IS_STORED = 0x80000000;
const MIN_MATCH = 4;

/**
 * Decompresses one LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), as Kafka's producers write
 * it: blocks independent or linked, with or without checksums and content size. Checksums are not verified: Kafka's own
 * CRC covers the batch.
 *
 * Our own, because lz4js trusts the lengths that it reads: a damaged frame of 200 bytes held it, and the event loop with
 * it, for minutes. Here every step consumes input or is refused, and the output is bounded.
 *
 * @throws RangeError when the data is damaged or unpacks into more than `maxBytes`
 */
export function decompressLz4(source: Uint8Array, maxBytes: number): Uint8Array {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  if (source.length < 7 || view.getUint32(0, true) !== MAGIC) throw damaged("it does not begin as a frame");
  const flags = view.getUint8(4);
  if ((flags & VERSION_MASK) !== VERSION_1) throw damaged("its version is unknown");
  if ((flags & HAS_DICTIONARY) !== 0) throw damaged("it needs a dictionary");
  const checksumBytes = (flags & HAS_BLOCK_CHECKSUMS) === 0 ? 0 : 4;
  // Magic, flags, block size, header checksum; the content size is a hint that nobody has to believe.
  let at = 7 + ((flags & HAS_CONTENT_SIZE) === 0 ? 0 : 8);
  const target = new GrowingBytes(source.length * 4, maxBytes);
  for (;;) {
    if (at + 4 > source.length) throw damaged("it ends without an end mark");
    const header = view.getUint32(at, true);
    at += 4;
    if (header === 0) return target.written;
    const end = at + (header & ~IS_STORED);
    if (end > source.length) throw damaged("a block is cut");
    if ((header & IS_STORED) !== 0) target.append(source, at, end);
    else decompressBlock(source, at, end, target);
    at = end + checksumBytes;
  }
}

/** Matches may reach back into earlier blocks: all of them unpack into one buffer. */
function decompressBlock(source: Uint8Array, start: number, end: number, target: GrowingBytes): void {
  let at = start;
  const readLength = (base: number): number => {
    let length = base;
    if (base !== 15) return length;
    for (let byte = 255; byte === 255;) {
      if (at >= end) throw damaged("a length is cut");
      byte = source[at++] ?? 0;
      length += byte;
    }
    return length;
  };
  while (at < end) {
    const token = source[at++] ?? 0;
    const literals = readLength(token >>> 4);
    if (at + literals > end) throw damaged("a literal is cut");
    target.append(source, at, at + literals);
    at += literals;
    if (at === end) return; // the last sequence has no match
    if (at + 2 > end) throw damaged("an offset is cut");
    const offset = (source[at] ?? 0) | ((source[at + 1] ?? 0) << 8);
    at += 2;
    target.repeat(offset, readLength(token & 15) + MIN_MATCH);
  }
}

class GrowingBytes {
  readonly #maxBytes: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(expectedBytes: number, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#bytes = new Uint8Array(Math.min(expectedBytes, maxBytes));
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  append(source: Uint8Array, start: number, end: number): void {
    const to = this.#reserve(end - start);
    // Most literals are a few bytes long, where a view costs more than the loop.
    if (end - start > 32) this.#bytes.set(source.subarray(start, end), to);
    else for (let at = start, target = to; at < end; at++, target++) this.#bytes[target] = source[at] ?? 0;
  }

  /** Copies what stands `offset` back; a match that overlaps what it writes repeats, so byte by byte. */
  repeat(offset: number, count: number): void {
    if (offset === 0 || offset > this.#length) throw damaged("a match points outside");
    const to = this.#reserve(count);
    const bytes = this.#bytes;
    if (offset >= count && count > 32) bytes.copyWithin(to, to - offset, to - offset + count);
    else for (let at = to, end = to + count; at < end; at++) bytes[at] = bytes[at - offset] ?? 0;
  }

  #reserve(count: number): number {
    const start = this.#length;
    const length = start + count;
    if (length > this.#maxBytes) {
      throw new RangeError(`Cannot decompress LZ4: more than the limit of ${this.#maxBytes} bytes`);
    }
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(Math.max(length, this.#bytes.length * 2), this.#maxBytes));
      grown.set(this.written);
      this.#bytes = grown;
    }
    this.#length = length;
    return start;
  }
}

function damaged(what: string): RangeError {
  return new RangeError(`Cannot decompress LZ4: ${what}`);
}
