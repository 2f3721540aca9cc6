declare const lz4: {
  /** One frame. */
  compress(source: Uint8Array): Uint8Array;
  /** The most that a frame can unpack into, from its headers alone. */
  decompressBound(source: Uint8Array): number;
  /** Returns the length, which is larger than the target when that was too small. */
  decompressFrame(source: Uint8Array, target: Uint8Array): number;
};
export default lz4;
