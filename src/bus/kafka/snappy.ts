const XERIAL_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00] as const;
const XERIAL_HEADER_BYTES = 16;

/**
 * Decompresses snappy as Kafka's producers write it: the Java one in the block framing of xerial's SnappyOutputStream
 * (magic, two versions, then blocks behind their big-endian length), others as one raw block
 * (https://github.com/google/snappy/blob/main/format_description.txt).
 *
 * @throws RangeError when the data is damaged or unpacks into more than `maxBytes`
 */
export function decompressSnappy(source: Uint8Array, maxBytes: number): Uint8Array {
  if (!XERIAL_MAGIC.every((byte, index) => source[index] === byte)) return decompressBlock(source, maxBytes);
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const blocks: Uint8Array[] = [];
  let length = 0;
  for (let at = XERIAL_HEADER_BYTES; at < source.length;) {
    const end = at + 4 + view.getUint32(at);
    if (end > source.length) throw damaged("a block is cut");
    const block = decompressBlock(source.subarray(at + 4, end), maxBytes - length);
    blocks.push(block);
    length += block.length;
    at = end;
  }
  return concatenated(blocks, length);
}

function decompressBlock(source: Uint8Array, maxBytes: number): Uint8Array {
  const { value: length, next } = readLength(source);
  if (length > maxBytes) throw new RangeError(`Cannot decompress snappy: ${length} bytes, the limit is ${maxBytes}`);
  const target = new Uint8Array(length);
  let from = next;
  let to = 0;
  while (from < source.length) {
    const tag = byteAt(source, from++);
    const kind = tag & 3;
    if (kind === 0) {
      let count = tag >>> 2;
      if (count >= 60) {
        const extra = count - 59;
        count = littleEndian(source, from, extra);
        from += extra;
      }
      count++;
      if (from + count > source.length || to + count > length) throw damaged("a literal is cut");
      target.set(source.subarray(from, from + count), to);
      from += count;
      to += count;
      continue;
    }
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const offsetBytes = kind === 3 ? 4 : kind;
    const offset = littleEndian(source, from, offsetBytes) + (kind === 1 ? (tag >>> 5) << 8 : 0);
    from += offsetBytes;
    if (offset === 0 || offset > to || to + count > length) throw damaged("a copy points outside");
    to = copyMatch(target, to, offset, count);
  }
  if (to !== length) throw damaged("it ends too early");
  return target;
}

/** A match may overlap what it writes: then it repeats, which only a byte by byte copy does right. */
function copyMatch(target: Uint8Array, to: number, offset: number, count: number): number {
  if (offset >= count) {
    target.copyWithin(to, to - offset, to - offset + count);
    return to + count;
  }
  const end = to + count;
  for (let at = to; at < end; at++) target[at] = target[at - offset] ?? 0;
  return end;
}

function readLength(source: Uint8Array): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const byte = byteAt(source, index);
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: index + 1 };
  }
  throw damaged("its length is not a number");
}

function littleEndian(source: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index++) value += byteAt(source, at + index) * 2 ** (8 * index);
  return value;
}

function byteAt(source: Uint8Array, at: number): number {
  const byte = source[at];
  if (byte === undefined) throw damaged("it ends in the middle");
  return byte;
}

function concatenated(blocks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = blocks;
  if (blocks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

function damaged(what: string): RangeError {
  return new RangeError(`Cannot decompress snappy: ${what}`);
}
